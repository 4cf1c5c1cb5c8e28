import base64
import gzip
import json
import zlib
from pathlib import Path

import pyarrow as pa
import pytest
import zstandard

from heimdall.errors import HeimdallError, InvalidInput, TooLarge, UnsupportedMedia
from heimdall.ingest.decompress import MAX_RATIO, RATIO_FREE_BYTES, coding_of, decompress

LIMIT = 64 << 20
BODY = b"".join(b'{"seq":%d,"message":"line %d"}\n' % (n, n * 7919) for n in range(20_000))
BOMBS = next(
    (
        found
        for folder in Path(__file__).parents
        if (found := folder / "shared/data/security/decompression_bombs.json").exists()
    ),
    None,
)
"""A collection kept beside the checkout, where there is one; never needed."""


def raw_deflate(data: bytes) -> bytes:
    return zlib.compress(data)[2:-4]


def lz4(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "lz4") as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()


def snappy_stream(data: bytes) -> bytes:
    """As `snappy.NewBufferedWriter` of Go writes: one bare chunk, padding, then chunks of 64 KiB (their sums are 0)."""
    said = bytearray(b"\xff\x06\x00\x00sNaPpY" + chunk(1, data[:10]) + b"\xfe\x03\x00\x00\0\0\0")
    for start in range(10, len(data), 1 << 16):
        said += chunk(0, pa.Codec("snappy").compress(data[start : start + (1 << 16)], asbytes=True))
    return bytes(said)


def chunk(kind: int, content: bytes) -> bytes:
    return bytes([kind]) + (len(content) + 4).to_bytes(3, "little") + bytes(4) + content


def zstd_in_two_frames(data: bytes) -> bytes:
    compress = zstandard.ZstdCompressor(write_checksum=True).compress
    return compress(data[:1000]) + compress(data[1000:])


@pytest.mark.parametrize(
    ("coding", "compress"),
    [
        ("gzip", gzip.compress),
        ("gzip", lambda data: gzip.compress(data[:1000]) + gzip.compress(data[1000:])),
        ("deflate", zlib.compress),
        ("deflate", raw_deflate),
        ("zstd", zstandard.ZstdCompressor().compress),
        ("zstd", zstd_in_two_frames),
        ("zstd", lambda data: zstandard.ZstdCompressor().compressobj().compress(data)),
        ("lz4", lz4),
        ("lz4", lambda data: lz4(data[:1000]) + lz4(data[1000:])),
        ("snappy", lambda data: pa.Codec("snappy").compress(data, asbytes=True)),
        ("snappy", snappy_stream),
        ("", bytes),
    ],
)
def test_what_was_compressed_comes_back(coding: str, compress: object) -> None:
    assert callable(compress)
    sent = compress(BODY)
    if coding == "zstd" and not sent.endswith(zstandard.ZstdCompressor().compress(BODY)[-1:]):
        compressor = zstandard.ZstdCompressor().compressobj()
        sent = compressor.compress(BODY) + compressor.flush()
    assert decompress(sent, coding, max_bytes=LIMIT) == BODY


@pytest.mark.parametrize(
    ("coding", "compress"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("zstd", zstandard.ZstdCompressor().compress),
        ("lz4", lz4),
    ],
)
def test_a_cut_off_body_is_refused_wherever_it_ends(coding: str, compress: object) -> None:
    assert callable(compress)
    whole = compress(BODY[:3000])
    for end in range(0, len(whole), 7):
        with pytest.raises(InvalidInput):
            decompress(whole[:end], coding, max_bytes=LIMIT)


def test_a_flipped_checksum_is_refused() -> None:
    broken = bytearray(gzip.compress(BODY))
    broken[-6] ^= 1
    with pytest.raises(InvalidInput):
        decompress(bytes(broken), "gzip", max_bytes=LIMIT)


@pytest.mark.parametrize(
    ("coding", "compress"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("zstd", zstandard.ZstdCompressor().compress),
        ("lz4", lz4),
    ],
)
def test_a_bomb_is_refused_before_it_unfolds(coding: str, compress: object) -> None:
    assert callable(compress)
    grown: list[int] = []
    bomb = compress(bytes(32 << 20))
    with pytest.raises(TooLarge, match="100 times"):
        decompress(bomb, coding, max_bytes=LIMIT, on_growth=grown.append)
    assert sum(grown) <= max(RATIO_FREE_BYTES, MAX_RATIO * len(bomb))


@pytest.mark.parametrize(
    ("chunks", "reason"),
    [
        (chunk(0, b"\x03\x08abc")[:-1], "cut off"),
        (b"\x00\x09", "cut off"),
        (chunk(0, b"\x03\x08ab"), "broken"),
        (chunk(0, b"\x81\x80\x04"), "64 KiB"),
        (chunk(2, b"abc"), "kind 2"),
        (chunk(0, b""), "no snappy"),
    ],
)
def test_a_broken_snappy_stream_says_what_is_wrong(chunks: bytes, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        decompress(snappy_stream(b"good") + chunks, "snappy", max_bytes=LIMIT)


def test_padding_without_end_is_refused() -> None:
    with pytest.raises(InvalidInput, match="more than 10000 chunks"):
        decompress(snappy_stream(b"good") + chunk(0xFE, b"") * 20_000, "snappy", max_bytes=LIMIT)


def test_more_than_the_limit_is_too_large_at_any_ratio() -> None:
    with pytest.raises(TooLarge, match="larger than 1000 bytes"):
        decompress(gzip.compress(BODY), "gzip", max_bytes=1000)


def test_a_zstd_window_above_8_mib_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=24)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    with pytest.raises(InvalidInput, match="8 MiB"):
        decompress(compressor.compress(BODY) + compressor.flush(), "zstd", max_bytes=LIMIT)


def test_thousands_of_members_are_read_and_more_are_refused() -> None:
    member = gzip.compress(b"{}\n")
    assert decompress(member * 2000, "gzip", max_bytes=LIMIT) == b"{}\n" * 2000
    for coding, one in (("gzip", member), ("lz4", lz4(b"{}\n"))):
        with pytest.raises(InvalidInput, match="more than"):
            decompress(one * 10_001, coding, max_bytes=LIMIT)


def test_codings_are_named_as_http_names_them() -> None:
    named = {"GZIP": "gzip", "x-gzip": "gzip", " zstd ": "zstd", "zlib": "deflate", "x-snappy-framed": "snappy"}
    assert {header: coding_of(header) for header in named} == named
    assert [coding_of(header) for header in (None, "", "identity")] == ["", "", ""]
    for header in ("gzip, gzip", "br", "gzip,zstd", "\x00"):
        with pytest.raises(UnsupportedMedia):
            coding_of(header)


@pytest.mark.skipif(BOMBS is None, reason="the attack set is not here")
def test_the_collected_bombs_are_answered_as_they_ask() -> None:
    assert BOMBS is not None
    for bomb in json.loads(BOMBS.read_text())["bombs"]:
        expected = bomb["expect"]
        try:
            coding = coding_of(bomb["content_encoding"])
            size = len(decompress(base64.b64decode(bomb["body_base64"]), coding, max_bytes=LIMIT))
        except HeimdallError as exc:
            found = {TooLarge: "413", InvalidInput: "400", UnsupportedMedia: "refused"}[type(exc)]
            assert found in expected or "refused" in expected, bomb["name"]
        else:
            assert "accepted" in expected or "memory stays flat" in expected, bomb["name"]
            assert size == bomb["decoded_bytes"]
