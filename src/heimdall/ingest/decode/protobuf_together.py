"""Requests in protobuf decoded as one: messages set one after the other are the message with the fields of all.

Source: Protocol Buffers, "Encoding" (last one wins, repeated fields are joined).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from heimdall.errors import InvalidInput
from heimdall.ingest.decode.decoded import Decoded, Together, split
from heimdall.ingest.decode.protobuf_fields import Places

_MAX_FIELDS = 1_000
"""A small request with more is looked at alone."""

_SKIPPED = {1: 8, 5: 4}
"""Wire types of a fixed size → bytes."""


def decode_together(bodies: list[bytes], read: Callable[[bytes], tuple[Decoded, Places]]) -> Together[Decoded]:
    """`read(body)`: records of a request, and where in it each begins.

    Raises:
        HeimdallError: `read` refuses one of them, or rejects some of its records.
    """
    framed = [is_framed(body) for body in bodies]
    sizes = [len(body) if good else 0 for body, good in zip(bodies, framed, strict=True)]
    decoded, starts = read(b"".join([body for body, good in zip(bodies, framed, strict=True) if good]))
    if decoded.rejected_count:
        raise InvalidInput("a record of one of the requests is malformed")
    # an empty record begins where its body ends; its length stands before it
    owners = np.searchsorted(np.cumsum(sizes), starts - 1, side="right")
    return split(decoded.table, np.bincount(owners, minlength=len(bodies)).tolist())


def is_framed(body: bytes) -> bool:
    """Whether its fields end where it ends, so that none can reach into what stands behind it."""
    place = 0
    for _ in range(_MAX_FIELDS):
        if place >= len(body):
            return place == len(body)
        tag, place = _varint(body, place)
        kind = tag & 7
        if kind == 0:
            _, place = _varint(body, place)
        elif kind == 2:
            size, place = _varint(body, place)
            place += size
        elif kind in _SKIPPED:
            place += _SKIPPED[kind]
        else:
            return False
    return False


def _varint(body: bytes, place: int) -> tuple[int, int]:
    """(value, place behind it); beyond the end for one that is none."""
    value = shift = 0
    while place < len(body) and shift < 64:
        byte = body[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place
    return 0, len(body) + 1
