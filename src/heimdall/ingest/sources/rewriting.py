"""Content that holds its records otherwise than as lines of UTF-8: JSON arrays, CSV and UTF-16, made into lines as they
are read."""

from __future__ import annotations

import codecs
import re
from typing import Protocol

import numpy as np
import numpy.typing as npt

from heimdall.ingest.sources.rewriting_csv import CsvTable, columns_of

DECIDED_BY_BYTES = 4096
"""Of a beginning; what is not seen to be rewritten by then is read as it is."""

_ARRAY = re.compile(rb'(?:\xef\xbb\xbf)?\s*\[\s*\{\s*["}]')
_ARRAY_YET = re.compile(rb"(?:\xef(?:\xbb\xbf?)?)?\s*(?:\[\s*(?:\{\s*)?)?")
"""What may become an array of objects when more of it comes."""


class Rewriting(Protocol):
    def feed(self, data: bytes, *, final: bool) -> bytes:
        """What `data`, the next bytes of the content, become. `final`: nothing follows."""


def rewriting_of(head: bytes) -> Rewriting | None:
    """How content that begins with `head` is rewritten; None: not at all."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return Utf16()
    if _ARRAY.match(head):
        return JsonArray()
    columns = columns_of(head)
    return None if columns is None else CsvTable(*columns)


def is_undecided(head: bytes) -> bool:
    """Whether more of the content has to come before `rewriting_of` knows."""
    if len(head) >= DECIDED_BY_BYTES or rewriting_of(head) is not None:
        return False
    return b"\n" not in head.lstrip() or _ARRAY_YET.fullmatch(head) is not None


class Utf16:
    """UTF-16 with its byte order mark → UTF-8. What is no UTF-16 becomes U+FFFD."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-16")(errors="replace")

    def feed(self, data: bytes, *, final: bool) -> bytes:
        return self._decoder.decode(data, final).encode("utf-8", "replace")


class JsonArray:
    """`[{…}, {…}]`, over as many lines as it may be → one line for each element, without white space between tokens.

    What follows the array's end stays as it is.
    """

    def __init__(self) -> None:
        self._depth = 0
        self._quoted = False
        self._escaping = False
        self._over = False

    def feed(self, data: bytes, *, final: bool) -> bytes:
        if self._over or not data:
            return data
        codes = np.frombuffer(data, np.uint8)
        quotes = (codes == ord('"')) & ~self._escaped(codes == ord("\\"))
        outside = ((np.cumsum(quotes) + self._quoted) & 1) == 0
        opening = outside & ((codes == ord("[")) | (codes == ord("{")))
        closing = outside & ((codes == ord("]")) | (codes == ord("}")))
        depths = self._depth + np.cumsum(opening.astype(np.int64) - closing)
        ended = np.flatnonzero(closing & (depths == 0))
        end = int(ended[0]) + 1 if len(ended) else len(data)
        self._over = len(ended) > 0
        self._depth, self._quoted = int(depths[-1]), not outside[-1]
        lines = codes.copy()
        lines[(outside & (codes == ord(",")) & (depths == 1)) | (closing & (depths == 0))] = ord("\n")
        space = (codes == ord(" ")) | (codes == ord("\n")) | (codes == ord("\r")) | (codes == ord("\t"))
        kept = ~((opening & (depths == 1)) | (outside & space))
        made: bytes = lines[:end][kept[:end]].tobytes()
        return made + data[end:]

    def _escaped(self, back: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Where an odd number of backslashes stands before."""
        if not self._escaping and not back.any():
            return np.zeros(len(back), np.bool_)
        places = np.arange(len(back))
        last_other = np.concatenate([[-1], np.maximum.accumulate(np.where(back, -1, places))])
        before = np.arange(len(back) + 1) - 1 - last_other + (self._escaping & (last_other == -1))
        odd: npt.NDArray[np.bool_] = (before & 1) == 1
        self._escaping = bool(odd[-1])
        return odd[:-1]
