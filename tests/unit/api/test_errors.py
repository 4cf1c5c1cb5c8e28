import orjson
import pytest

from heimdall.api.errors import error_response, status_of
from heimdall.errors import (
    BatchRefused,
    BusUnavailable,
    Denied,
    HeimdallError,
    InvalidInput,
    NotFound,
    Overloaded,
    QuerySyntaxError,
    SlowSender,
    TooLarge,
    Unauthenticated,
    UnsupportedMedia,
)


@pytest.mark.parametrize(
    ("exc", "status"),
    [
        (InvalidInput("x"), 400),
        (QuerySyntaxError("x", column=1), 400),
        (Unauthenticated("x"), 401),
        (Denied("x"), 403),
        (NotFound("x"), 404),
        (SlowSender("x"), 408),
        (TooLarge("x"), 413),
        (UnsupportedMedia("x"), 415),
        (BatchRefused("x"), 422),
        (Overloaded("x", retry_after_s=2), 429),
        (BusUnavailable("x"), 503),
        (HeimdallError("x"), 500),
        (ValueError("x"), 500),
    ],
)
def test_each_branch_of_the_error_tree_has_its_status(exc: Exception, status: int) -> None:
    assert status_of(exc) == status


def test_a_query_error_says_where_and_how_to_mend_it() -> None:
    answer = error_response(QuerySyntaxError("no such pipe", column=7, length=3, hint="did you mean sort?"), "r1")
    assert orjson.loads(answer.body) == {
        "error": {
            "code": "query_syntax",
            "message": "no such pipe",
            "column": 7,
            "length": 3,
            "hint": "did you mean sort?",
            "request_id": "r1",
        }
    }
    assert answer.headers["x-request-id"] == "r1"


def test_slow_down_says_for_how_long_in_whole_seconds() -> None:
    assert error_response(Overloaded("full", retry_after_s=0.2), "r1").headers["retry-after"] == "1"
    assert error_response(BusUnavailable("disk"), "r1").headers["retry-after"] == "1"
    assert "retry-after" not in error_response(InvalidInput("no"), "r1").headers


def test_an_unexpected_error_keeps_its_secrets() -> None:
    assert b"password" not in error_response(ValueError("password=1"), "r1").body
