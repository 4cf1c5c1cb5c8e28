"""How near templates are to a question in what they mean: one vector a template, made in the background and kept."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from heimdall.errors import Misconfigured
from heimdall.insight.similarity.embedder import Embedder
from heimdall.insight.similarity.features import MAX_CHARS
from heimdall.insight.similarity.vectors import ExactIndex, MilvusLiteIndex, VectorIndex
from heimdall.query.templates import Catalogue
from heimdall.sqlite import connect

_log = logging.getLogger(__name__)

_SCHEMA = "CREATE TABLE IF NOT EXISTS vectors (key INTEGER PRIMARY KEY, vector BLOB NOT NULL)"

INDEXES = ("exact", "milvus-lite")

MOST = 50_000
"""Vectors that are kept, 75 MB in memory; templates beyond are compared by words alone."""

EVERY_S = 5.0
"""How often new templates are looked for: a question that comes sooner finds them by words."""

NEAREST = 1_000
"""Templates whose nearness counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingsConfig:
    model: Path | None = None
    """Folder with a sentence model, `model.onnx` and `tokenizer.json` (docs/guides/explaining.md). With it `similar`
    finds other words for the same; needs `heimdall-logs[models]`. Without it words alone are compared."""
    index: str = "exact"
    """Where vectors are searched: `exact` = in this process; `milvus-lite` = in a file of Milvus Lite below `data`,
    needs `heimdall-logs[milvus]`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InsightConfig:
    embeddings: EmbeddingsConfig = EmbeddingsConfig()


class TemplateMeaning:
    """`path`: the file in which vectors outlive the process, keyed by model and text. Safe from several threads."""

    def __init__(self, embedder: Embedder, catalogue: Catalogue, path: Path | None, index: VectorIndex) -> None:
        self._embedder = embedder
        self._catalogue = catalogue
        self._index = index
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="embeddings", daemon=True)
        self._db = connect(path, _SCHEMA, durable=False)
        kept = self._db.execute("SELECT key, vector FROM vectors LIMIT ?", (MOST,)).fetchall()
        self._known = {key for key, _ in kept}
        self._index.add({key: np.frombuffer(vector, np.float32) for key, vector in kept})

    def start(self) -> None:
        self._thread.start()

    def nearness(self, text: str, templates: Sequence[str]) -> dict[int, float]:
        """Place in `templates` → cosine with `text`, above 0, of the nearest that have a vector."""
        said = _said([text])[0]
        if not said or not self._known:
            return {}
        places: dict[int, list[int]] = {}  # templates that say the same share a vector
        for place, one in enumerate(_said(templates)):
            places.setdefault(self._key(one), []).append(place)
        found = self._index.nearest(self._embedder.embed(said), list(places), NEAREST)
        return {place: min(cosine, 1.0) for key, cosine in found if cosine > 0 for place in places[key]}

    def refresh(self) -> int:
        """Make the vectors that templates lack; returns how many. One caller at a time; some milliseconds each."""
        made = 0
        for said in dict.fromkeys(_said(self._catalogue().column("text").to_pylist())):
            key = self._key(said)
            if not said or key in self._known:
                continue
            if len(self._known) >= MOST or self._stopping.is_set():
                break
            vector = self._embedder.embed(said)
            self._index.add({key: vector})
            with self._lock:
                self._db.execute("INSERT OR REPLACE INTO vectors VALUES (?, ?)", (key, vector.tobytes()))
            self._known.add(key)
            made += 1
        return made

    def close(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)
        with self._lock:
            self._db.close()
        self._index.close()

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                self.refresh()
            except Exception:  # a full disk, say: what lacks a vector is tried again
                _log.exception("templates could not be embedded; similar compares them by words")
            self._stopping.wait(EVERY_S)

    def _key(self, said: str) -> int:
        digest = hashlib.blake2b(said.encode(), digest_size=8, key=self._embedder.identity).digest()
        return int.from_bytes(digest) >> 1


def check_embeddings(config: EmbeddingsConfig) -> None:
    """Raises Misconfigured for an index that there is not."""
    if config.index not in INDEXES:
        raise Misconfigured(f"setting insight.embeddings.index: {config.index} is not one of {', '.join(INDEXES)}")


def open_meaning(config: EmbeddingsConfig, folder: Path, catalogue: Catalogue) -> TemplateMeaning | None:
    """None where no model is configured.

    Raises:
        Misconfigured: an unknown index, or a folder without a model.
        MissingExtra: what the model or the index needs is not installed.
    """
    check_embeddings(config)
    if config.model is None:
        return None
    embedder = Embedder(config.model)
    index: VectorIndex = ExactIndex()
    if config.index == "milvus-lite":
        index = MilvusLiteIndex(folder / "milvus.db", len(embedder.embed("dimensions")))
    return TemplateMeaning(embedder, catalogue, folder / "embeddings.db", index)


def _said(texts: Sequence[str]) -> list[str]:
    """The words of the texts: what stands for parameters means nothing."""
    text = pl.col("text").str.head(MAX_CHARS).str.replace_all("<*>", " ", literal=True)
    words = text.str.replace_all(r"(\p{Ll})(\p{Lu})", "$1 $2").str.replace_all(r"\s+", " ")
    frame = pl.DataFrame({"text": pl.Series(texts, dtype=pl.String)})
    return frame.select(words.str.strip_chars())["text"].to_list()
