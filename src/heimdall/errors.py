"""Everything that can go wrong, sorted by who can help.

    HeimdallError
    ├── InvalidInput          the caller must change something                400
    │   ├── QuerySyntaxError  has the position in the query text and a hint
    │   ├── TooLarge          over a stated limit                             413
    │   ├── TooMuchMemory     a query that needs more than it may use
    │   ├── UnsupportedMedia  a content type or coding nobody here reads      415
    │   └── SlowSender        the body did not come in time                   408
    ├── Unauthenticated       who are you?                                    401
    ├── Denied                not allowed                                     403
    ├── NotFound              there is no such thing                          404
    ├── Overloaded            slow down; has retry_after_s                    429
    ├── Unavailable           may work later; safe to retry                   503
    │   ├── BusUnavailable    not acknowledged; send the same batch again
    │   ├── EngineUnavailable unknown whether it was kept; append the same span again
    │   └── QueryCancelled    cancelled, or past its deadline
    ├── Refused               will never work; goes to the dead letters       422
    │   └── BatchRefused      an engine can never store this batch
    └── Misconfigured         stop at start-up and name the key               exit 2
        └── MissingExtra      an optional driver is not installed

Messages are lower-case, name the thing and the way out, and keep their cause. Status codes appear in one
function at the edge (`heimdall.api.errors`).
"""

from __future__ import annotations


class HeimdallError(Exception):
    """Base of every error Heimdall raises on purpose. Caught only at the edges."""

    code: str = "internal"
    """Stable machine-readable name, part of the API."""


class InvalidInput(HeimdallError):
    code = "invalid_input"


class QuerySyntaxError(InvalidInput):
    """A query that cannot be understood.

    `column` is 1-based and counts code points of the query text; `length` is the width to underline;
    `hint` says what would mend it.
    """

    code = "query_syntax"

    def __init__(self, message: str, *, column: int, length: int = 1, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.column = column
        self.length = length
        self.hint = hint

    def __str__(self) -> str:
        text = f"column {self.column}: {self.message}"
        return f"{text} ({self.hint})" if self.hint else text


class TooLarge(InvalidInput):
    code = "too_large"


class TooMuchMemory(InvalidInput):
    """Narrow the question, or let it be estimated."""


class UnsupportedMedia(InvalidInput):
    code = "unsupported_media_type"


class SlowSender(InvalidInput):
    code = "slow_sender"


class Unauthenticated(HeimdallError):
    code = "unauthenticated"


class Denied(HeimdallError):
    code = "denied"


class NotFound(HeimdallError):
    code = "not_found"


class Overloaded(HeimdallError):
    code = "overloaded"

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Unavailable(HeimdallError):
    code = "unavailable"
    retry_after_s: float = 1.0


class BusUnavailable(Unavailable):
    code = "bus_unavailable"


class EngineUnavailable(Unavailable):
    code = "engine_unavailable"


class QueryCancelled(Unavailable):
    code = "query_cancelled"


class Refused(HeimdallError):
    code = "refused"


class BatchRefused(Refused):
    code = "batch_refused"


class Misconfigured(HeimdallError):
    code = "misconfigured"


class MissingExtra(Misconfigured):
    """`package` is not installed; the message names the `pip install` that mends it."""

    code = "missing_extra"

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed; run: pip install 'heimdall-logs[{extra}]'")
