"""What an operator may set about queries."""

from __future__ import annotations

from dataclasses import dataclass

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryConfig:
    timeout_s: float = 30.0
    """Longest a query may run when the caller sets no deadline of its own. Larger: one careless question holds a
    core for longer."""
    max_timeout_s: float = 600.0
    """Longest deadline a caller may ask for."""
    concurrent: int = 4
    """Queries that run at once. More share the same cores and each takes longer."""
    queued: int = 64
    """Queries that may wait for their turn; beyond this they are refused with 429."""
    memory_bytes: int = 400 * MEBIBYTE
    """Memory one query may use before it is stopped. `concurrent` of them must fit into the engine's share."""
    scan_bytes: int = 0
    """Bytes of records, uncompressed, one query may read before it is stopped; 0 = any number. A caller may ask for
    less (`max_scan_bytes`), never for more."""
    expensive_ms: float = 250.0
    """From this estimate on, for a machine that does nothing else, a query is expensive: half of `concurrent` may be
    such at once, and they stand back while others run. Smaller: more queries wait for each other; larger: more of them
    compete with what should be quick."""
    cache: str = "memory://?size=128MiB"
    """Where answers are kept while their records do not change; levels from near to far, separated by spaces:
    `memory://?size=256MiB`, `redis://host:6379?ttl=3600`, `redis+cluster://host:6379` (`rediss` with TLS), `none://`.
    Larger: more of yesterday's pieces are still there when "the last 24 h" is asked again."""
    warm: tuple[str, ...] = ()
    """Questions asked ahead on a schedule, a line each: five fields of cron (UTC), how far back, HQL, for example
    `*/10 8-18 * * 1-5 -24h level>=error | timechart span=10m count() by service`. Nobody then waits for them."""
    warm_ahead: bool = True
    """Ask what a user usually asks next, or at this hour, while nobody else asks anything. It lands in the cache."""
    answer_bytes: int = 64 * MEBIBYTE
    """Largest answer; longer ones are cut, marked `partial`, and continue at `next`."""
    sample_rows: int = 4_000
    """Newest matching records from which the list of fields is learnt."""
