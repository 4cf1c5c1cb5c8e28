"""Chance that can be repeated: generators and hashes that are functions of a seed and of what they are for."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
Array = npt.NDArray[Any]


def generator(seed: int, *purpose: int | str) -> np.random.Generator:
    """A generator for one purpose; equal arguments give equal draws, different ones independent draws."""
    words = [zlib.crc32(part.encode()) if isinstance(part, str) else part for part in purpose]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *words])))


def unit_hash(keys: IntArray, salt: int) -> FloatArray:
    """Numbers in [0, 1) that depend on key and salt alone, so that neighbouring windows agree about them.

    The finaliser of splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
    """
    with np.errstate(over="ignore"):
        word = keys.astype(np.uint64) + np.uint64((salt * 0x9E3779B97F4A7C15) % 2**64)
        word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        word ^= word >> np.uint64(31)
    return np.asarray((word >> np.uint64(11)) * 2.0**-53, dtype=np.float64)


def hex_ids(rng: np.random.Generator, count: int, size_bytes: int) -> pl.Series:
    """`count` random ids of `size_bytes` bytes, as lower-case hex; no Python per id."""
    digits = rng.bytes(count * size_bytes).hex().encode()
    offsets = np.arange(count + 1, dtype=np.int64) * (2 * size_bytes)
    text = pa.LargeStringArray.from_buffers(count, pa.py_buffer(offsets.tobytes()), pa.py_buffer(digits))
    series = pl.from_arrow(text)
    assert isinstance(series, pl.Series)
    return series


def pick(rng: np.random.Generator, count: int, choices: tuple[str, ...]) -> pl.Series:
    """`count` of the choices, earlier ones more often (the chance falls as 1 / rank)."""
    weights = 1.0 / np.arange(1, len(choices) + 1)
    drawn = rng.choice(len(choices), size=count, p=weights / weights.sum())
    return pl.Series(choices).gather(drawn)
