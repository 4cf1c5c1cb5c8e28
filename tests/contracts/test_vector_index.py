"""What every index of vectors keeps to; Milvus Lite where `heimdall-logs[milvus]` is installed."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from heimdall.insight.similarity.vectors import ExactIndex, MilvusLiteIndex, VectorIndex

DIMENSIONS = 8
KEYS = [1, 7, 2**40, 2**63 - 1]


@pytest.fixture(params=["exact", "milvus-lite"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[VectorIndex]:
    opened: VectorIndex
    if request.param == "exact":
        opened = ExactIndex()
    else:
        if find_spec("milvus_lite") is None or find_spec("pymilvus") is None:
            pytest.skip("milvus-lite: heimdall-logs[milvus] is not installed")
        opened = MilvusLiteIndex(tmp_path / "milvus.db", DIMENSIONS)
    yield opened
    opened.close()


def unit(*values: float) -> np.ndarray:
    vector = np.zeros(DIMENSIONS, np.float32)
    vector[: len(values)] = values
    return vector / np.linalg.norm(vector)


def test_an_empty_index_finds_nothing(index: VectorIndex) -> None:
    assert index.nearest(unit(1), KEYS, 10) == []
    index.add({})
    assert index.nearest(unit(1), [], 10) == []


def test_the_nearest_come_first_with_their_cosine(index: VectorIndex) -> None:
    index.add({KEYS[0]: unit(0, 1), KEYS[1]: unit(1, 1)})
    index.add({KEYS[2]: unit(1), KEYS[3]: unit(-1)})
    found = index.nearest(unit(1), KEYS, 3)
    assert [key for key, _ in found] == [KEYS[2], KEYS[1], KEYS[0]]
    assert [cosine for _, cosine in found] == pytest.approx([1.0, 0.5**0.5, 0.0], abs=1e-5)


def test_only_the_keys_asked_for_are_found(index: VectorIndex) -> None:
    index.add({KEYS[0]: unit(1), KEYS[1]: unit(1, 1)})
    assert [key for key, _ in index.nearest(unit(1), [KEYS[1], 99], 10)] == [KEYS[1]]
    assert index.nearest(unit(1), [99], 10) == []


def test_a_key_added_again_has_its_new_vector(index: VectorIndex) -> None:
    index.add({KEYS[0]: unit(1)})
    index.add({KEYS[0]: unit(0, 1), KEYS[1]: unit(1, 0.1)})
    found = index.nearest(unit(1), KEYS, 10)
    assert [key for key, _ in found] == [KEYS[1], KEYS[0]]
    assert found[1][1] == pytest.approx(0.0, abs=1e-5)


def test_what_is_found_agrees_with_plain_arithmetic(index: VectorIndex) -> None:
    chance = np.random.default_rng(5)
    vectors = chance.normal(size=(200, DIMENSIONS)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    index.add(dict(enumerate(vectors)))
    found = index.nearest(vectors[3], range(0, 200, 3), 20)
    cosines = {key: float(vectors[key] @ vectors[3]) for key in range(0, 200, 3)}
    assert [key for key, _ in found] == sorted(cosines, key=lambda key: -cosines[key])[:20]
