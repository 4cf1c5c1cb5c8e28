"""How commands talk to a node: its HTTP API, with its errors turned back into ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import httpx

from heimdall.errors import (
    Denied,
    HeimdallError,
    InvalidInput,
    Misconfigured,
    NotFound,
    Overloaded,
    QuerySyntaxError,
    Unauthenticated,
    Unavailable,
)

DEFAULT_URL = "http://127.0.0.1:7373"

url_option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--url", default=DEFAULT_URL, envvar="HEIMDALL_URL", show_default=True, help="The node to ask."
)

_BY_STATUS: dict[int, type[HeimdallError]] = {401: Unauthenticated, 403: Denied, 404: NotFound, 503: Unavailable}


_ANSWER_WITHIN = httpx.Timeout(660.0, connect=5.0)
"""A question has a deadline at the node, at most 600 s; this only ends the wait for a node that is gone."""


class NodeClient:
    """A connection to one node. Use as a context manager."""

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float = 120.0,
        headers: Mapping[str, str] | None = None,
        socket: Path | None = None,
    ) -> None:
        """`headers` go with every request; `socket`: a Unix socket the node listens on, whatever `url` says."""
        self.url = _address(url)
        self._http = httpx.Client(
            base_url=self.url,
            timeout=httpx.Timeout(timeout_s, connect=5.0),
            headers=headers,
            transport=None if socket is None else httpx.HTTPTransport(uds=str(socket)),
        )

    def __enter__(self) -> NodeClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str, parameters: Mapping[str, object] | None = None) -> Any:
        return self._json("GET", path, params=_given(parameters))

    def post(self, path: str, body: object) -> Any:
        return self._json("POST", path, json=body)

    def put(self, path: str, body: object) -> Any:
        return self._json("PUT", path, json=body)

    def send(self, path: str, content: bytes, headers: Mapping[str, str], parameters: Mapping[str, object]) -> Any:
        """POST raw bytes, for the doors."""
        return self._json("POST", path, content=content, headers=dict(headers), params=_given(parameters))

    def ask(self, path: str, parameters: Mapping[str, object], accept: str) -> httpx.Response:
        """POST a question; the answer in the form `accept` names, read whole."""
        with self._translated():
            body = {name: value for name, value in parameters.items() if value is not None}
            response = self._http.post(path, json=body, headers={"Accept": accept}, timeout=_ANSWER_WITHIN)
        if response.is_error:
            raise _error(response)
        return response

    def delete(self, path: str) -> None:
        self._json("DELETE", path)

    @contextmanager
    def stream(self, path: str, parameters: Mapping[str, object], accept: str) -> Iterator[httpx.Response]:
        """A response whose body is read as it comes; errors are raised before the first byte."""
        with self._translated():
            timeout = httpx.Timeout(None, connect=5.0)
            request = self._http.stream(
                "GET", path, params=_given(parameters), headers={"Accept": accept}, timeout=timeout
            )
            with request as response:
                if response.is_error:
                    response.read()
                    raise _error(response)
                yield response

    def _json(self, method: str, path: str, **arguments: Any) -> Any:
        with self._translated():
            response = self._http.request(method, path, **arguments)
        if response.is_error:
            raise _error(response)
        return response.json() if response.content else None

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except httpx.ConnectError as exc:
            raise Unavailable(f"no node answers at {self.url}; start one with: heimdall up") from exc
        except httpx.TimeoutException as exc:
            raise Unavailable(f"the node at {self.url} did not answer in time") from exc
        except httpx.HTTPError as exc:
            raise Unavailable(f"the connection to {self.url} broke: {exc}") from exc


def _address(url: str) -> str:
    """`url` without a slash at its end; `http://` stands before one that names no scheme.

    Raises:
        Misconfigured: a scheme that no node speaks, or no host.
    """
    full = (url if "://" in url else f"http://{url}").rstrip("/")
    try:
        parsed = httpx.URL(full)
    except httpx.InvalidURL as exc:
        raise Misconfigured(f"{url!r} is no address of a node ({exc}); it has the form {DEFAULT_URL}") from exc
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise Misconfigured(f"{url!r} is no address of a node; it has the form {DEFAULT_URL}")
    return full


def _given(parameters: Mapping[str, object] | None) -> dict[str, str]:
    return {name: str(value) for name, value in (parameters or {}).items() if value is not None}


def _error(response: httpx.Response) -> HeimdallError:
    try:
        error = response.json()["error"]
    except (ValueError, KeyError, TypeError):
        error = {"message": f"the node answered {response.status_code} {response.reason_phrase}"}
    message = str(error.get("message", ""))
    hint = error.get("hint")
    if "column" in error:
        return QuerySyntaxError(message, column=int(error["column"]), length=int(error.get("length", 1)), hint=hint)
    if hint:
        message = f"{message} ({hint})"
    if response.status_code == 429:
        return Overloaded(message, retry_after_s=float(response.headers.get("Retry-After", 1)))
    return _BY_STATUS.get(response.status_code, InvalidInput if response.status_code < 500 else Unavailable)(message)
