"""What is wrong with a request, in Elasticsearch's words."""

from __future__ import annotations

from collections.abc import Mapping

from heimdall.errors import InvalidInput

MAX_BUCKETS = 65_536
"""Buckets of one answer, as many as Elasticsearch allows by default. Each is a Python object until it is sent."""


class Fault(InvalidInput):
    """`kind` is the exception's type as clients know it; `details` stand beside its reason."""

    code = "elasticsearch"

    def __init__(
        self,
        kind: str,
        reason: str,
        details: Mapping[str, object] | None = None,
        *,
        of_shards: bool = False,
        status: int = 400,
    ) -> None:
        super().__init__(reason)
        self.kind = kind
        self.details = dict(details or {})
        self.status = status
        self.of_shards = of_shards
        """It came up while searching, so a `search_phase_execution_exception` is put around it."""


class Unsupported(Fault):
    """Elasticsearch would answer it, Heimdall has no place for it."""


def parsing(reason: str) -> Fault:
    return Fault("parsing_exception", reason, {"line": 1, "col": 1})


def illegal(reason: str) -> Fault:
    return Fault("illegal_argument_exception", reason)


def unsupported(what: str) -> Fault:
    """Named as missing here, rather than answered by something near it."""
    return Unsupported("illegal_argument_exception", f"{what} is not supported by Heimdall")


def too_many_buckets() -> Fault:
    reason = (
        f"Trying to create too many buckets. Must be less than or equal to: [{MAX_BUCKETS}] but this number of buckets"
        " was exceeded. This limit can be set by changing the [search.max_buckets] cluster level setting."
    )
    return Fault("too_many_buckets_exception", reason, {"max_buckets": MAX_BUCKETS}, of_shards=True)
