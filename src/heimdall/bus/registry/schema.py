"""What the registry speaks of: a schema with its references, and its place in a subject."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from heimdall.errors import HeimdallError

SchemaType = Literal["AVRO", "JSON", "PROTOBUF"]


class Level(StrEnum):
    """Which readers and writers have to understand each other after a change; `_TRANSITIVE`: with every version."""

    NONE = "NONE"
    BACKWARD = "BACKWARD"
    """The new schema reads what the last one wrote."""
    BACKWARD_TRANSITIVE = "BACKWARD_TRANSITIVE"
    FORWARD = "FORWARD"
    """The last schema reads what the new one writes."""
    FORWARD_TRANSITIVE = "FORWARD_TRANSITIVE"
    FULL = "FULL"
    """Both."""
    FULL_TRANSITIVE = "FULL_TRANSITIVE"

    @property
    def transitive(self) -> bool:
        return self.endswith("_TRANSITIVE")

    @property
    def backward(self) -> bool:
        return self.startswith(("BACKWARD", "FULL"))

    @property
    def forward(self) -> bool:
        return self.startswith(("FORWARD", "FULL"))


@dataclass(frozen=True, slots=True)
class Reference:
    """A schema that another one builds on: `name` is how its text calls it."""

    name: str
    subject: str
    version: int


@dataclass(frozen=True, slots=True)
class Schema:
    text: str
    type: SchemaType = "AVRO"
    references: tuple[Reference, ...] = ()


@dataclass(frozen=True, slots=True)
class Version:
    """A schema's place in a subject."""

    subject: str
    version: int
    id: int
    schema: Schema


class RegistryError(HeimdallError):
    """What the registry's protocol has a number for: the first three digits are the HTTP status."""

    code = "schema_registry"

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.number = number


class IncompatibleSchema(RegistryError):
    """The subject's rule does not allow the change; `reasons` say why, each in one sentence."""

    code = "schema_incompatible"

    def __init__(self, subject: str, level: Level, reasons: tuple[str, ...]) -> None:
        said = "; ".join(reasons[:20])
        super().__init__(409, f"schema is incompatible with an earlier one of subject {subject} ({level}): {said}")
        self.reasons = reasons


def invalid_schema(reason: str) -> RegistryError:
    return RegistryError(42201, f"invalid schema: {reason}")
