"""HTTP to addresses that people configured: no inner network unless it was allowed, no redirects, no endless answers.

The host is resolved once, every address of it is checked, and the connection goes to the address that was checked, so
that a name cannot point elsewhere in between (DNS rebinding). TLS still proves the name.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Mapping

import httpx

from heimdall.errors import Misconfigured, Refused, Unavailable

TIMEOUT_S = 10.0
LONGEST_ANSWER = 256 << 10
"""Bytes of an answer that are read; what comes behind is left."""
_READ_S = 30.0
"""Longest for all of an answer: one that drips has to end, too."""
_RETRIED = frozenset({408, 425, 429})
_GONE = frozenset({404, 410})
_TOLD = 200
"""Characters of an answer that are told as a reason."""


class Gone(Refused):
    """There is nothing at the address any more (404, 410)."""


def client() -> httpx.Client:
    return httpx.Client(timeout=TIMEOUT_S, follow_redirects=False, trust_env=False)


class Outbound:
    """Posts to one address, or asks it."""

    def __init__(self, url: str, what: str, *, allow_private: bool = False, http: httpx.Client | None = None) -> None:
        """`http`: the caller's, who closes it; for addresses of one host. Raises Misconfigured: not an address this
        can post to."""
        try:
            self._url = httpx.URL(url)
        except httpx.InvalidURL as exc:
            raise Misconfigured(f"{what}: url is not one: {exc}") from exc
        if self._url.scheme not in ("http", "https") or not self._url.host or self._url.userinfo:
            raise Misconfigured(f"{what}: url must be http:// or https:// with a host and without a password")
        self._what = what
        self._allow_private = allow_private
        self._http = http or client()
        self._owned = http is None

    def post(self, body: bytes, headers: Mapping[str, str]) -> bytes:
        """The answer's body, its first `LONGEST_ANSWER` bytes, when it is a 2xx.

        Raises:
            Unavailable: no answer, or one that may be another next time (408, 425, 429, 5xx).
            Gone: 404 or 410.
            Refused: any other answer, or an address that must not be asked.
        """
        return self._ask("POST", body, headers)

    def get(self, headers: Mapping[str, str], parameters: Mapping[str, str] | None = None) -> bytes:
        """As `post`, with `parameters` behind the address's own."""
        return self._ask("GET", None, headers, parameters)

    def _ask(
        self, method: str, body: bytes | None, headers: Mapping[str, str], parameters: Mapping[str, str] | None = None
    ) -> bytes:
        address = self._checked_address()
        url = self._url.copy_merge_params(parameters) if parameters else self._url
        netloc = self._url.netloc.decode("ascii")
        own = {"User-Agent": "heimdall", "Content-Type": "application/json", "Accept-Encoding": "identity"}
        try:
            with self._http.stream(
                method,
                url.copy_with(host=address),
                content=body,
                headers=own | dict(headers) | {"Host": netloc},
                extensions={"sni_hostname": self._url.host},
            ) as response:
                answer = _read(response)
        except httpx.HTTPError as exc:
            raise Unavailable(f"{self._what}: {type(exc).__name__}: {exc}") from exc
        if response.is_success:
            return answer
        told = answer[: 4 * _TOLD].decode(errors="replace")[:_TOLD]
        reason = f"{self._what}: answered {response.status_code} {told}"
        if response.status_code in _RETRIED or response.status_code >= 500:
            raise Unavailable(reason)
        raise (Gone if response.status_code in _GONE else Refused)(reason)

    @property
    def place(self) -> str:
        """The host, as people are told it: a path may hold a secret."""
        return self._url.host

    def check(self) -> None:
        """What `post` would raise before it asks anybody."""
        self._checked_address()

    def close(self) -> None:
        if self._owned:
            self._http.close()

    def _checked_address(self) -> str:
        port = self._url.port or (443 if self._url.scheme == "https" else 80)
        try:
            found = socket.getaddrinfo(self._url.host, port, type=socket.SOCK_STREAM)
        except OSError as exc:
            raise Unavailable(f"{self._what}: cannot resolve {self._url.host}: {exc}") from exc
        addresses = [str(entry[4][0]) for entry in found]
        if not self._allow_private:
            for address in addresses:
                if is_private(address):
                    where = f"{self._url.host} is {address}, inside a network"
                    raise Refused(f"{self._what}: {where}; allow_private = true permits it")
        return addresses[0]


def _read(response: httpx.Response) -> bytes:
    """Its beginning, as it was sent: nothing is unpacked, and nobody is listened to for ever."""
    found = bytearray()
    give_up_at = time.monotonic() + _READ_S
    for chunk in response.iter_raw():
        found += chunk
        if len(found) >= LONGEST_ANSWER or time.monotonic() > give_up_at:
            break
    return bytes(found[:LONGEST_ANSWER])


def is_private(address: str) -> bool:
    """Whether an address is anything but a public one: this host, inner networks, metadata services."""
    own = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(own, "ipv4_mapped", None) or getattr(own, "sixtofour", None)
    if mapped is not None:
        return is_private(str(mapped))
    return not own.is_global or own.is_multicast
