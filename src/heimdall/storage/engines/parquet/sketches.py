"""Which files cannot hold a value: one split-block bloom filter per column and file, kept beside the catalogue.

A query for one trace asks every file's sketch, 32 bytes each, and opens only the files that may hold it. A sketch that
is missing rules nothing out. The layout of a block is that of Parquet's own filters (Parquet format, BloomFilter.md);
the hash is the first eight bytes of MD5, which ClickHouse computes over a column and Python over one value.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import threading
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

BITS_A_VALUE = 12
"""About one in 250 files is opened in vain. More: the sketches take more of the node's disk."""

_SALTS = (0x47B6137B, 0x44974D91, 0x8824AD5B, 0xA2B7289D, 0x705495C7, 0x2DF1424B, 0x9EFC4947, 0x5C6BFB31)
_BLOCK_BYTES = 32
_KNOWN_HEADERS = 20_000
"""Headers kept in memory, some hundred bytes each."""

Hashes = npt.NDArray[np.uint64]


def hash_of(value: bytes) -> int:
    return int.from_bytes(hashlib.md5(value, usedforsecurity=False).digest()[:8], "little")


class Sketches:
    """Sketches of files by number of their unit. Safe from several threads."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._lock = threading.Lock()
        self._headers: OrderedDict[int, dict[str, tuple[int, int]]] = OrderedDict()

    def write(self, unit_id: int, columns: Mapping[str, Hashes]) -> None:
        """Keep the distinct values' hashes of each column; complete or not at all."""
        blocks = {name: _filter(hashes) for name, hashes in columns.items()}
        header: dict[str, tuple[int, int]] = {}
        offset = 0
        for name, words in blocks.items():
            header[name] = (offset, len(words) // 8)
            offset += words.nbytes
        text = json.dumps(header).encode()
        path = self._path(unit_id)
        part = path.with_suffix(".part")
        part.write_bytes(struct.pack("<I", len(text)) + text + b"".join(words.tobytes() for words in blocks.values()))
        part.replace(path)

    def may_hold(self, unit_id: int, column: str, value: bytes) -> bool:
        """False when no record of the unit has `value` in `column`."""
        try:
            place = self._header(unit_id).get(column)
            if place is None:
                return True
            offset, blocks = place
            if blocks == 0:
                return False
            number = hash_of(value)
            at = offset + ((number >> 32) * blocks >> 32) * _BLOCK_BYTES
            words = struct.unpack("<8I", self._read(unit_id, at, _BLOCK_BYTES))
        except (OSError, ValueError, struct.error):
            return True
        low = number & 0xFFFFFFFF
        return all(word >> ((low * salt & 0xFFFFFFFF) >> 27) & 1 for word, salt in zip(words, _SALTS, strict=True))

    def delete(self, unit_id: int) -> None:
        self._path(unit_id).unlink(missing_ok=True)
        with self._lock:
            self._headers.pop(unit_id, None)

    def kept(self) -> list[int]:
        """Units that have one."""
        return [int(path.stem) for path in self._folder.glob("*.sketch") if path.stem.isdigit()]

    def _header(self, unit_id: int) -> dict[str, tuple[int, int]]:
        with self._lock:
            if (known := self._headers.get(unit_id)) is not None:
                self._headers.move_to_end(unit_id)
                return known
        (length,) = struct.unpack("<I", self._read(unit_id, 0, 4))
        text = self._read(unit_id, 4, length)
        header = {name: (4 + length + offset, blocks) for name, (offset, blocks) in json.loads(text).items()}
        with self._lock:
            self._headers[unit_id] = header
            while len(self._headers) > _KNOWN_HEADERS:
                self._headers.popitem(last=False)
        return header

    def _read(self, unit_id: int, offset: int, length: int) -> bytes:
        descriptor = os.open(self._path(unit_id), os.O_RDONLY)
        try:
            return os.pread(descriptor, length, offset)
        finally:
            os.close(descriptor)

    def _path(self, unit_id: int) -> Path:
        return self._folder / f"{unit_id}.sketch"


def _filter(hashes: Hashes) -> npt.NDArray[np.uint32]:
    """Words of a filter, eight a block."""
    blocks = -(-len(hashes) * BITS_A_VALUE // (8 * _BLOCK_BYTES))
    words = np.zeros(blocks * 8, np.uint32)
    if not blocks:
        return words
    block = ((hashes >> np.uint64(32)) * np.uint64(blocks)) >> np.uint64(32)
    low = (hashes & np.uint64(0xFFFFFFFF)).astype(np.uint32)
    for place, salt in enumerate(_SALTS):
        bit = (low * np.uint32(salt)) >> np.uint32(27)
        np.bitwise_or.at(words, block * np.uint64(8) + np.uint64(place), np.uint32(1) << bit)
    return words
