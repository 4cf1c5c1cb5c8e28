"""Where vectors are kept and the nearest found: in this process, or in Milvus Lite."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from heimdall.errors import MissingExtra, Unavailable
from heimdall.insight.similarity.embedder import FloatArray


class VectorIndex(Protocol):
    """Vectors of length one by key. Methods may be called from several threads."""

    def add(self, vectors: Mapping[int, FloatArray]) -> None:
        """Keep them, in place of those that had the keys. `nearest` finds them when this has returned."""

    def nearest(self, vector: FloatArray, among: Sequence[int], limit: int) -> list[tuple[int, float]]:
        """(key, cosine) of the `limit` nearest of the keys `among`, the nearest first; unknown keys are passed over."""

    def close(self) -> None:
        """Called last."""


class ExactIndex:
    """All are compared: ten thousand of 384 dimensions are 15 MB and a few milliseconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._places: dict[int, int] = {}
        self._matrix: FloatArray = np.empty((0, 0), np.float32)

    def add(self, vectors: Mapping[int, FloatArray]) -> None:
        if not vectors:
            return
        with self._lock:
            places = dict(self._places)
            new = [key for key in vectors if key not in places]
            places.update(zip(new, range(len(places), len(places) + len(new)), strict=True))
            matrix = np.zeros((len(places), len(next(iter(vectors.values())))), np.float32)
            if self._matrix.size:
                matrix[: len(self._matrix)] = self._matrix
            matrix[[places[key] for key in vectors]] = np.stack(list(vectors.values()))
            self._places, self._matrix = places, matrix

    def nearest(self, vector: FloatArray, among: Sequence[int], limit: int) -> list[tuple[int, float]]:
        with self._lock:
            places, matrix = self._places, self._matrix
        known = [key for key in among if key in places]
        if not known:
            return []
        cosines = matrix[[places[key] for key in known]] @ vector
        best = np.argsort(-cosines, kind="stable")[:limit]
        return [(known[place], float(cosines[place])) for place in best]

    def close(self) -> None:
        pass


class MilvusLiteIndex:
    """A file of Milvus Lite at `path`, of vectors with `dimensions`."""

    _NAME = "vectors"

    def __init__(self, path: Path, dimensions: int) -> None:
        try:
            import milvus_lite  # noqa: F401  # what serves the file
            from pymilvus import MilvusClient
        except ImportError as exc:
            raise MissingExtra("milvus-lite or pymilvus", "milvus") from exc
        path.parent.mkdir(parents=True, exist_ok=True)
        with _mapped():
            self._client: Any = MilvusClient(str(path))
            if not self._client.has_collection(self._NAME):
                self._client.create_collection(
                    self._NAME, dimension=dimensions, metric_type="COSINE", consistency_level="Strong"
                )
            self._client.load_collection(self._NAME)

    def add(self, vectors: Mapping[int, FloatArray]) -> None:
        if vectors:
            rows = [{"id": key, "vector": vector.tolist()} for key, vector in vectors.items()]
            with _mapped():
                self._client.upsert(self._NAME, rows)

    def nearest(self, vector: FloatArray, among: Sequence[int], limit: int) -> list[tuple[int, float]]:
        if not among:
            return []
        keys = f"id in {[int(key) for key in among]}"
        with _mapped():
            found = self._client.search(self._NAME, data=[vector.tolist()], filter=keys, limit=limit)
        return [(hit["id"], float(hit["distance"])) for hit in found[0]]

    def close(self) -> None:
        self._client.close()


@contextmanager
def _mapped() -> Iterator[None]:
    from pymilvus.exceptions import MilvusException

    try:
        yield
    except MilvusException as exc:
        raise Unavailable(f"milvus lite did not answer: {exc.message}") from exc
