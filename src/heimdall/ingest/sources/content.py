"""The bytes of a log file, plain, compressed or rewritten, and what identifies it whatever its name."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import os
import zlib
from pathlib import Path
from typing import Protocol, cast

import zstandard

from heimdall.ingest.sources.rewriting import DECIDED_BY_BYTES, Rewriting, rewriting_of

HEAD_BYTES = 1024
"""Of a file's beginning, hashed to know it again: two log files differ in their first times."""

TAIL_BYTES = 256
"""Before the offset, hashed to see that a file is the one that was read so far."""

_MAX_WINDOW_BYTES = 128 << 20
"""Of a zstd stream; what `zstd --long=27` makes, and all it may cost in memory."""

COMPRESSED = (".gz", ".zst", ".bz2", ".xz")

_STEP_BYTES = 1 << 20

_BROKEN = (zlib.error, EOFError, zstandard.ZstdError, lzma.LZMAError, OSError)
"""What reading a damaged or unfinished compressed file raises."""


class Content(Protocol):
    """Read by one thread."""

    def read(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes from `offset` on; fewer only where the content ends."""

    def close(self) -> None: ...


class PlainContent:
    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def stat(self) -> os.stat_result:
        return os.fstat(self._fd)

    def read(self, offset: int, size: int) -> bytes:
        parts: list[bytes] = []
        while size > 0:
            part = os.pread(self._fd, size, offset)
            if not part:
                break
            parts.append(part)
            offset += len(part)
            size -= len(part)
        return b"".join(parts)

    def close(self) -> None:
        os.close(self._fd)


class CompressedContent:
    """Compressed or rewritten. Offsets count the bytes that come of it; going back means reading all of it again."""

    def __init__(self, path: Path, *, growing: bool = False) -> None:
        """`growing`: what is no whole row at the end is not given out; more of it may come."""
        self._path = path
        self._growing = growing
        self._stream = _stream(path, growing=growing)
        self._position = 0
        self.broken: str | None = None
        """Why the rest cannot be read, once that is known."""

    def read(self, offset: int, size: int) -> bytes:
        if offset < self._position:
            self._stream.close()
            self._stream, self._position = _stream(self._path, growing=self._growing), 0
        while self._position < offset:
            if not self._next(min(_STEP_BYTES, offset - self._position)):
                return b""
        parts: list[bytes] = []
        while size > 0 and (part := self._next(min(size, _STEP_BYTES))):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _next(self, size: int) -> bytes:
        try:
            part = self._stream.read1(size)  # what one step gives: of a damaged file all that is before the damage
        except _BROKEN as exc:
            self.broken = str(exc) or type(exc).__name__
            return b""
        self._position += len(part)
        return part

    def close(self) -> None:
        self._stream.close()


def is_compressed(path: Path) -> bool:
    return path.suffix in COMPRESSED


def open_content(path: Path, *, growing: bool = False) -> PlainContent | CompressedContent:
    if is_compressed(path):
        return CompressedContent(path)
    content = PlainContent(path)
    if rewriting_of(content.read(0, DECIDED_BY_BYTES)) is None:
        return content
    content.close()
    return CompressedContent(path, growing=growing)


class _Stream(Protocol):
    def read1(self, size: int, /) -> bytes: ...

    def close(self) -> None: ...


def _stream(path: Path, *, growing: bool) -> _Stream:
    stream = _decompressor(path)
    try:
        head = b""
        while len(head) < DECIDED_BY_BYTES and (part := stream.read1(DECIDED_BY_BYTES - len(head))):
            head += part
    except _BROKEN:
        stream.close()  # it is read again, and said to be broken, by who asks for its bytes
        return _decompressor(path)
    rewriting = rewriting_of(head)
    begun = _Begun(stream, head)
    return begun if rewriting is None else _Rewritten(begun, rewriting, growing=growing)


class _Begun:
    """A stream of which the head was read already."""

    def __init__(self, stream: _Stream, head: bytes) -> None:
        self._stream = stream
        self._head = head

    def read1(self, size: int, /) -> bytes:
        part, self._head = self._head[:size], self._head[size:]
        return part or self._stream.read1(size)

    def close(self) -> None:
        self._stream.close()


class _Rewritten:
    def __init__(self, stream: _Stream, rewriting: Rewriting, *, growing: bool) -> None:
        self._stream = stream
        self._growing = growing
        self._rewriting = rewriting
        self._made = b""
        self._ended = False

    def read1(self, size: int, /) -> bytes:
        while not self._made and not self._ended:
            data = self._stream.read1(_STEP_BYTES)
            self._ended = not data
            self._made = self._rewriting.feed(data, final=self._ended and not self._growing)
        part, self._made = self._made[:size], self._made[size:]
        return part

    def close(self) -> None:
        self._stream.close()


def _decompressor(path: Path) -> _Stream:
    if not is_compressed(path):
        return cast(_Stream, path.open("rb"))
    if path.suffix == ".gz":
        return cast(_Stream, gzip.open(path, "rb"))
    if path.suffix == ".bz2":
        return cast(_Stream, bz2.open(path, "rb"))
    if path.suffix == ".xz":
        return cast(_Stream, lzma.open(path, "rb"))
    reader = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES).stream_reader(
        path.open("rb"), read_across_frames=True, closefd=True
    )
    return cast(_Stream, reader)


_CONTROL = bytes({*range(1, 9), *range(14, 27), *range(28, 32), 127})
"""Bytes that text does not have: all control characters but NUL (the hole a truncation leaves), white space and ESC."""


def is_binary(head: bytes) -> bool:
    """Whether a file that begins with `head` is no text: more than one byte in twenty is a control character."""
    rest = head.translate(None, b"\0")
    return (len(rest) - len(rest.translate(None, _CONTROL))) * 20 > len(rest)


def digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()
