"""Bytes of a segment file: one header region, then frames.

    segment   0     segment header, 512 bytes
              512   the same again
              4096  frames, each from a sector border to a sector border
    frame     0     frame header, 256 bytes
              256   the same again
              512   payload, filled up with zeros to a sector border

All integers little-endian. A sector (512 bytes) is what a disk writes whole or not at all, so a frame header is either
there, absent (all zeros: files are zero-filled before use) or damaged; it is never half written. Every header exists
twice: one flipped bit cannot hide how long a frame is or which records it holds.

Checks. Each header copy ends with the CRC32C of its own bytes, which include the CRC32C of the padded payload and the
checksum of the frame before (`previous_crc`): the chain. `segment` and `offset` say where the frame belongs, so one
that was written elsewhere is recognised. `durable_before` is the position up to which everything had reached the disk
when this frame was stamped: it tells records that were acknowledged from those that never were.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from google_crc32c import extend, value

from heimdall.bus.port import ProducerKey

SECTOR = 512
FIRST_FRAME = 4096
"""Offset of the first frame; a whole page, so that pages of frames never share one with the segment header."""
HEADER_COPY = 256
LAYOUT_VERSION = 1
FLAG_PRODUCER = 1
"""The frame carries (producer id, epoch, sequence), by which a repeated batch is recognised."""

FRAME_MAGIC = b"HMDLfrm1"
"""First bytes of every frame header copy."""
_SEGMENT_MAGIC = b"HMDLseg1"
_FRAME = struct.Struct("<8sHHIQQQIIqQIIII16sIQB")
_SEGMENT = struct.Struct("<8sHHIQQQQIIqQ")
_CRC = struct.Struct("<I")
ZERO_SECTOR = bytes(SECTOR)


class FrameHeader(NamedTuple):
    """A named tuple, not a dataclass: recovery makes one per frame."""

    flags: int
    segment: int
    offset: int
    """Where in the segment file the frame starts, bytes."""
    first: int
    records: int
    payload_bytes: int
    """Without the zeros that fill the last sector."""
    accepted_at_ns: int
    durable_before: int
    payload_crc: int
    """Over the payload and the zeros after it."""
    previous_crc: int
    decoded_bytes: int
    """Size of the batch in memory, for readers that bound what they take."""
    zero_sectors: int
    """Payload sectors that are all zeros as written; more of them on disk means that some never arrived."""
    tenant: str
    producer: ProducerKey | None
    crc: int
    """Checksum of this header; the next frame's `previous_crc`."""

    @property
    def stop(self) -> int:
        """Position after the last record."""
        return self.first + self.records

    @property
    def end(self) -> int:
        """Offset after the frame."""
        return self.offset + SECTOR + padded(self.payload_bytes)


class SegmentHeader(NamedTuple):
    segment: int
    first: int
    """Position of the first record. Whatever earlier segments hold at or after it was never acknowledged."""
    previous_segment: int
    """0 = none."""
    previous_end: int
    """Offset at which the segment before was sealed."""
    previous_crc: int
    created_at_ns: int
    segment_bytes: int


def padded(size: int) -> int:
    """`size` filled up to a sector border."""
    return -(-size // SECTOR) * SECTOR


def chain_seed(segment: int) -> int:
    """`previous_crc` of a segment's first frame."""
    return int(value(segment.to_bytes(8, "little")))


def pack_frame_header(
    *,
    segment: int,
    offset: int,
    first: int,
    count: int,
    payload_bytes: int,
    accepted_at_ns: int,
    durable_before: int,
    payload_crc: int,
    previous_crc: int,
    decoded_bytes: int,
    zero_sectors: int,
    tenant: bytes,
    producer: ProducerKey | None,
) -> tuple[bytes, int]:
    """The sector with both copies, and their checksum."""
    flags = 0 if producer is None else FLAG_PRODUCER
    producer_id, epoch, sequence = producer or (b"", 0, 0)
    body = (
        _FRAME.pack(
            FRAME_MAGIC, LAYOUT_VERSION, HEADER_COPY, flags, segment, offset, first, count, payload_bytes,
            accepted_at_ns, durable_before, payload_crc, previous_crc, decoded_bytes, zero_sectors,
            producer_id, epoch, sequence, len(tenant),
        )
        + tenant
    ).ljust(HEADER_COPY - 4, b"\0")  # fmt: skip
    crc = int(value(body))
    return (body + _CRC.pack(crc)) * 2, crc


def parse_frame_header(sector: bytes) -> tuple[FrameHeader | None, bool]:
    """Header from the first copy that is whole, and whether both are whole and equal."""
    first, second = sector[:HEADER_COPY], sector[HEADER_COPY:SECTOR]
    header = _parse_frame_copy(first)
    if header is not None:
        return header, first == second
    return _parse_frame_copy(second), False


def _parse_frame_copy(copy: bytes) -> FrameHeader | None:
    if len(copy) != HEADER_COPY or not copy.startswith(FRAME_MAGIC):
        return None
    (crc,) = _CRC.unpack_from(copy, HEADER_COPY - 4)
    if value(copy[: HEADER_COPY - 4]) != crc:
        return None
    (
        _, version, size, flags, segment, offset, first, count, payload_bytes, accepted_at_ns, durable_before,
        payload_crc, previous_crc, decoded_bytes, zero_sectors, producer_id, epoch, sequence, tenant_bytes,
    ) = _FRAME.unpack_from(copy)  # fmt: skip
    if version != LAYOUT_VERSION or size != HEADER_COPY:
        return None
    tenant = copy[_FRAME.size : _FRAME.size + tenant_bytes].decode("utf-8", "replace")
    producer = ProducerKey(producer_id, epoch, sequence) if flags & FLAG_PRODUCER else None
    return FrameHeader(
        flags, segment, offset, first, count, payload_bytes, accepted_at_ns, durable_before, payload_crc,
        previous_crc, decoded_bytes, zero_sectors, tenant, producer, crc,
    )  # fmt: skip


def pack_segment_header(header: SegmentHeader) -> bytes:
    """The whole region before the first frame."""
    number, first, previous_segment, previous_end, previous_crc, created_at_ns, segment_bytes = header
    body = _SEGMENT.pack(
        _SEGMENT_MAGIC, LAYOUT_VERSION, SECTOR, 0, number, first, previous_segment, previous_end, previous_crc, 0,
        created_at_ns, segment_bytes,
    ).ljust(SECTOR - 4, b"\0")  # fmt: skip
    return ((body + _CRC.pack(value(body))) * 2).ljust(FIRST_FRAME, b"\0")


def parse_segment_header(region: bytes) -> tuple[SegmentHeader | None, bool]:
    """Header from the first copy that is whole, and whether the region is as it was written."""
    first, second = region[:SECTOR], region[SECTOR : 2 * SECTOR]
    header = _parse_segment_copy(first)
    if header is not None:
        return header, first == second and not any(region[2 * SECTOR :])
    return _parse_segment_copy(second), False


def _parse_segment_copy(copy: bytes) -> SegmentHeader | None:
    if len(copy) != SECTOR or not copy.startswith(_SEGMENT_MAGIC):
        return None
    (crc,) = _CRC.unpack_from(copy, SECTOR - 4)
    if value(copy[: SECTOR - 4]) != crc:
        return None
    fields = _SEGMENT.unpack_from(copy)
    if fields[1] != LAYOUT_VERSION:
        return None
    number, first, previous_segment, previous_end, previous_crc, _, created_at_ns, segment_bytes = fields[4:]
    return SegmentHeader(number, first, previous_segment, previous_end, previous_crc, created_at_ns, segment_bytes)


def count_zero_sectors(payload: bytes) -> int:
    """Sectors of `payload` that hold only zeros. Looks at eight bytes of each first: 0.002 µs per record."""
    whole = len(payload) // SECTOR * SECTOR
    view = memoryview(payload)
    starts = view[:whole].cast("Q")[:: SECTOR // 8].tolist() if whole else []
    suspects = [at * SECTOR for at, start in enumerate(starts) if start == 0]
    return sum(view[at : at + SECTOR] == ZERO_SECTOR for at in suspects) + (
        len(payload) > whole and not any(view[whole:])
    )


def payload_checksum(payload: object, padding: bytes) -> int:
    """CRC32C of a payload (anything `google_crc32c` reads: bytes, Arrow buffers) and the zeros after it."""
    return int(extend(value(payload), padding))
