from __future__ import annotations

import pytest

from heimdall.bus.buses.journal.layout import (
    FIRST_FRAME,
    SECTOR,
    ProducerKey,
    SegmentHeader,
    count_zero_sectors,
    pack_frame_header,
    pack_segment_header,
    parse_frame_header,
    parse_segment_header,
)


def frame_sector(producer: ProducerKey | None = None) -> bytes:
    sector, _ = pack_frame_header(
        segment=7, offset=4096, first=100, count=3, payload_bytes=700, accepted_at_ns=5, durable_before=100,
        payload_crc=1, previous_crc=2, decoded_bytes=900, zero_sectors=0, tenant="größer".encode(), producer=producer,
    )  # fmt: skip
    return sector


def test_a_frame_header_comes_back_and_knows_where_the_frame_ends() -> None:
    sector = frame_sector(ProducerKey(b"0123456789abcdef", 4, 2**63))

    header, intact = parse_frame_header(sector)

    assert len(sector) == SECTOR
    assert intact
    assert header is not None
    assert (header.segment, header.first, header.stop, header.tenant) == (7, 100, 103, "größer")
    assert header.end == 4096 + 512 + 1024
    assert header.producer == ProducerKey(b"0123456789abcdef", 4, 2**63)


def test_every_flipped_bit_of_a_frame_header_is_noticed_and_none_hides_the_frame() -> None:
    sector = frame_sector()
    whole, _ = parse_frame_header(sector)
    for bit in range(SECTOR * 8):
        damaged = bytearray(sector)
        damaged[bit // 8] ^= 1 << bit % 8
        assert parse_frame_header(bytes(damaged)) == (whole, False)


def test_both_copies_damaged_is_no_header() -> None:
    damaged = bytearray(frame_sector())
    damaged[40] ^= 1
    damaged[256 + 41] ^= 1
    assert parse_frame_header(bytes(damaged)) == (None, False)


def test_a_segment_header_survives_any_flipped_bit_of_its_region() -> None:
    sent = SegmentHeader(3, 100, 2, 8192, 77, 123, 1 << 26)
    region = pack_segment_header(sent)
    assert len(region) == FIRST_FRAME
    assert parse_segment_header(region) == (sent, True)
    for bit in range(0, FIRST_FRAME * 8, 7):
        damaged = bytearray(region)
        damaged[bit // 8] ^= 1 << bit % 8
        assert parse_segment_header(bytes(damaged)) == (sent, False)


@pytest.mark.parametrize(
    ("payload", "zeros"),
    [
        (b"", 0),
        (bytes(1), 1),
        (bytes(512), 1),
        (bytes(513), 2),
        (bytes(511) + b"x", 0),
        (b"x" * 512 + bytes(1024) + b"y", 2),
        (bytes(8) + b"x" * 504 + bytes(512), 1),
    ],
)
def test_sectors_of_zeros_are_counted(payload: bytes, zeros: int) -> None:
    assert count_zero_sectors(payload) == zeros
