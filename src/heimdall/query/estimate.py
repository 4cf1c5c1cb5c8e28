"""`Estimate`: what answering is expected to read and to take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Estimate:
    rows: float = 0.0
    bytes: float = 0.0
    ms: float = 0.0
    kind: str = ""
    """What its time is learnt under; '' where it is a rough figure that nothing is learnt from."""
    busy: float = 1.0
    """Factor in `ms` that is the machine's, which is slow or does something else, not the question's."""

    @property
    def own_ms(self) -> float:
        """What it would take on a machine like that of the constants, alone."""
        return self.ms / self.busy

    def __add__(self, other: Estimate) -> Estimate:
        return Estimate(self.rows + other.rows, self.bytes + other.bytes, self.ms + other.ms, other.kind, other.busy)

    def as_data(self) -> dict[str, float]:
        return {"rows": round(self.rows), "bytes": round(self.bytes), "ms": round(self.ms, 1)}
