"""Compressed request bodies → bytes, piece by piece, so that a bomb is refused before it unfolds.

Limits: decoded bytes; 100 : 1 beyond the first MiB; one coding layer; zstd windows up to 8 MiB (the size RFC 9659
asks senders to keep to); 10,000 gzip members, zstd or lz4 frames, or snappy chunks.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Iterator

import pyarrow as pa
import zstandard

from heimdall.errors import InvalidInput, TooLarge, UnsupportedMedia

MAX_RATIO = 100
"""Logs compress 5 to 30 times; beyond 100 it is either a bomb or hardly worth keeping."""

RATIO_FREE_BYTES = 1 << 20
"""Below 1 MiB decoded the ratio does not matter: it can do no harm."""

ZSTD_MAX_WINDOW_BYTES = 8 << 20
MAX_MEMBERS = 10_000
"""Members cost more than bytes; a sender that flushes often stays far below."""

CODINGS = ("gzip", "zstd", "deflate", "lz4", "snappy")
_ALIASES = {"x-gzip": "gzip", "zlib": "deflate", "x-snappy-framed": "snappy", "identity": "", "": ""}
_SNAPPY_STREAM = b"\xff\x06\x00\x00sNaPpY"
"""No block begins so: as one it would copy from before its own beginning."""
_LZ4_FRAME = b"\x04\x22\x4d\x18"
_SLICE_BYTES = 64 << 10
_SNAPPY_CHUNK_BYTES = 64 << 10
_OUTPUT_BYTES = 1 << 20


def coding_of(header: str | None) -> str:
    """The coding a `Content-Encoding` header names, "" for none.

    Raises UnsupportedMedia for a coding nobody here reads, or more than one of them.
    """
    named = [word for part in (header or "").lower().split(",") if (word := _ALIASES.get(part.strip(), part.strip()))]
    if not named:
        return ""
    if len(named) > 1:
        raise UnsupportedMedia("more than one Content-Encoding; compress the body once")
    if named[0] not in CODINGS:
        raise UnsupportedMedia(f"Content-Encoding {named[0][:40]!r} is not known; send {', '.join(CODINGS)} or none")
    return named[0]


def decompress(
    body: bytes, coding: str, *, max_bytes: int, on_growth: Callable[[int], None] = lambda grown: None
) -> bytes:
    """The decoded body; `on_growth` is told of every piece's size before the next one is made, and may raise.

    Raises:
        TooLarge: more than `max_bytes`, or a ratio beyond the limit.
        InvalidInput: not what `coding` says, broken, or cut off.
    """
    if not coding:
        return body
    if coding == "snappy" and not body.startswith(_SNAPPY_STREAM):
        return _snappy_block(body, max_bytes, on_growth)
    pieces: list[bytes] = []
    size = 0
    for piece in _READERS[coding](body):
        size += len(piece)
        if size > max_bytes:
            raise TooLarge(f"the body is larger than {max_bytes} bytes when decompressed; send smaller batches")
        if size > RATIO_FREE_BYTES and size > MAX_RATIO * len(body):
            raise TooLarge(f"the body unfolds to more than {MAX_RATIO} times its size; send it less compressed")
        on_growth(len(piece))
        pieces.append(piece)
    return b"".join(pieces)


def _snappy_block(body: bytes, max_bytes: int, on_growth: Callable[[int], None]) -> bytes:
    """What Loki's and Prometheus' agents send. It says its size in front."""
    size = _snappy_size(body)
    if size > max_bytes:
        raise TooLarge(f"the body is larger than {max_bytes} bytes when decompressed; send smaller batches")
    if size > RATIO_FREE_BYTES and size > MAX_RATIO * len(body):
        raise TooLarge(f"the body unfolds to more than {MAX_RATIO} times its size; send it less compressed")
    on_growth(size)
    return _unfolded(body, size)


def _snappy_size(block: bytes) -> int:
    size = shift = place = 0
    while place < min(len(block), 5):
        size |= (block[place] & 0x7F) << shift
        shift += 7
        place += 1
        if block[place - 1] < 0x80:
            return size
    raise InvalidInput("the body is no snappy block")


def _unfolded(block: bytes, size: int) -> bytes:
    try:
        return bytes(pa.Codec("snappy").decompress(block, decompressed_size=size, asbytes=True))
    except (OSError, pa.ArrowInvalid) as exc:
        raise InvalidInput("the body is no snappy block, or broken") from exc


def _snappy_stream(body: bytes) -> Iterator[bytes]:
    """Chunks of at most 64 KiB, each a block or bare, as the OpenTelemetry Collector's `snappy` may be.

    Their CRC-32C is left unread: nothing we depend on computes it, and TCP has its own.
    Source: github.com/google/snappy, framing_format.txt.
    """
    place = chunks = 0
    while place < len(body):
        chunks += 1
        if chunks > MAX_MEMBERS:
            raise InvalidInput(f"more than {MAX_MEMBERS} chunks in one snappy body")
        kind, end = body[place], place + 4 + int.from_bytes(body[place + 1 : place + 4], "little")
        if end > len(body) or place + 4 > len(body):
            raise InvalidInput("the snappy body is cut off")
        content = body[place + 8 : end]
        if kind == 0:
            size = _snappy_size(content)
            if size > _SNAPPY_CHUNK_BYTES:
                raise InvalidInput("a chunk of the snappy body is larger than 64 KiB")
            yield _unfolded(content, size)
        elif kind == 1:
            yield content
        elif kind < 0x80:
            raise InvalidInput(f"chunks of kind {kind} in a snappy body are not known")
        place = end


def _lz4(body: bytes) -> Iterator[bytes]:
    """Frames, as the command-line tool and the OpenTelemetry Collector write."""
    if body.count(_LZ4_FRAME) > MAX_MEMBERS:
        raise InvalidInput(f"more than {MAX_MEMBERS} lz4 frames in one body")
    if not body.startswith(_LZ4_FRAME):
        raise InvalidInput("the body is no lz4 frame")
    try:
        with pa.CompressedInputStream(pa.BufferReader(body), "lz4") as stream:
            while (piece := stream.read_buffer(_OUTPUT_BYTES)).size:  # `read` leaks its bytes where it raises
                yield piece.to_pybytes()
    except (OSError, pa.ArrowInvalid) as exc:
        raise InvalidInput(f"the body is no lz4, or broken: {exc}") from exc


def _gzip(body: bytes) -> Iterator[bytes]:
    return _members(body, "gzip", zlib.MAX_WBITS | 16)


def _deflate(body: bytes) -> Iterator[bytes]:
    # the coding means the zlib format (RFC 9110 §8.4.1.2), but some senders leave its two header bytes out
    framed = len(body) >= 2 and body[0] & 0x0F == 8 and int.from_bytes(body[:2]) % 31 == 0
    return _members(body, "deflate", zlib.MAX_WBITS if framed else -zlib.MAX_WBITS)


def _members(body: bytes, coding: str, window_bits: int) -> Iterator[bytes]:
    place, members = 0, 0
    while place < len(body):
        members += 1
        if members > MAX_MEMBERS:
            raise InvalidInput(f"more than {MAX_MEMBERS} {coding} members in one body")
        stream = zlib.decompressobj(window_bits)
        while not stream.eof:
            if place >= len(body):
                raise InvalidInput(f"the {coding} body is cut off")
            pending = body[place : place + _SLICE_BYTES]
            place += len(pending)
            while pending and not stream.eof:
                try:
                    piece = stream.decompress(pending, _OUTPUT_BYTES)
                except zlib.error as exc:
                    raise InvalidInput(f"the body is no {coding}, or broken: {exc}") from exc
                pending = stream.unconsumed_tail
                yield piece
        place -= len(stream.unused_data)
    if not members:
        raise InvalidInput(f"the {coding} body is empty")


def _zstd(body: bytes) -> Iterator[bytes]:
    decompressor = zstandard.ZstdDecompressor(max_window_size=ZSTD_MAX_WINDOW_BYTES)
    try:
        _check_zstd_frames(body)
        # `read` never makes more than it is asked for; the size a frame declares is not used to allocate
        with decompressor.stream_reader(io.BytesIO(body), read_across_frames=True) as reader:
            while piece := reader.read(_OUTPUT_BYTES):
                yield piece
    except zstandard.ZstdError as exc:
        raise InvalidInput(f"the body is no zstd, or broken: {exc}") from exc


def _check_zstd_frames(body: bytes) -> None:
    """Windows within the limit, and the last frame ends where the body ends.

    Walks frame and block headers only (RFC 8878 §3.1): the decoder itself does not mind a cut-off end.
    """
    place, frames = 0, 0
    while place < len(body):
        frames += 1
        magic = int.from_bytes(body[place : place + 4], "little")
        if magic & 0xFFFFFFF0 == 0x184D2A50:  # skippable frame
            place += 8 + int.from_bytes(body[place + 4 : place + 8], "little")
            continue
        header = zstandard.get_frame_parameters(body[place : place + 18])
        if header.window_size > ZSTD_MAX_WINDOW_BYTES:
            raise InvalidInput("the zstd window is larger than 8 MiB; compress with window log 23 or less")
        place += zstandard.frame_header_size(body[place : place + 18])
        last = False
        while not last:
            block = int.from_bytes(body[place : place + 3], "little")
            last, kind, size = bool(block & 1), block >> 1 & 3, block >> 3
            place += 3 + (1 if kind == 1 else size)
            if place > len(body):
                raise InvalidInput("the zstd body is cut off")
        place += 4 if header.has_checksum else 0
    if place != len(body) or not frames:
        raise InvalidInput("the zstd body is cut off")
    if frames > MAX_MEMBERS:
        raise InvalidInput(f"more than {MAX_MEMBERS} zstd frames in one body")


_READERS: dict[str, Callable[[bytes], Iterator[bytes]]] = {
    "gzip": _gzip,
    "zstd": _zstd,
    "deflate": _deflate,
    "lz4": _lz4,
    "snappy": _snappy_stream,
}
