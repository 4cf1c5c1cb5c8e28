"""Words and meaning put together; vectors that are made once and kept."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from heimdall.errors import HeimdallError, Misconfigured
from heimdall.insight.similarity.embedder import Embedder
from heimdall.insight.similarity.meaning import EmbeddingsConfig, TemplateMeaning, open_meaning
from heimdall.insight.similarity.similar import fused, nearness
from heimdall.insight.similarity.vectors import ExactIndex

TEMPLATES = ["access denied for <*>", "accessDenied for <*>", "cache warmed"]


class Letters(Embedder):
    """How often each letter occurs: enough to tell texts apart, and to count what is embedded."""

    def __init__(self, name: bytes) -> None:
        self.identity = name
        self.texts: list[str] = []

    def embed(self, text: str) -> np.ndarray:
        self.texts.append(text)
        vector = np.array([text.lower().count(letter) for letter in "abcdefghijklmnopqrstuvwxyz"], np.float32)
        return vector / np.linalg.norm(vector)


def meaning_at(path: Path | None, letters: Letters) -> TemplateMeaning:
    return TemplateMeaning(letters, lambda: pa.table({"text": TEMPLATES}), path, ExactIndex())


def test_a_template_is_embedded_once_per_model_whatever_stands_in_it(tmp_path: Path) -> None:
    path = tmp_path / "embeddings.db"
    for name, made in ((b"one", 3), (b"one", 0), (b"two", 3)):
        letters = Letters(name)
        meaning = meaning_at(path, letters)
        assert meaning.refresh() == made
        assert len(letters.texts) == made
        meaning.close()
    assert "access Denied for" in letters.texts


def test_only_the_question_is_embedded_when_it_is_asked() -> None:
    letters = Letters(b"one")
    meaning = meaning_at(None, letters)
    assert meaning.nearness("denied 17", TEMPLATES) == {}  # nothing has been read yet
    meaning.refresh()
    letters.texts.clear()
    found = meaning.nearness("access denied for 4711", TEMPLATES)
    assert letters.texts == ["access denied for 4711"]
    assert found[0] == pytest.approx(1.0)
    same = meaning.nearness("access denied", [TEMPLATES[0], "access <*> denied for <*>"])
    assert same[0] == same[1]  # what says the same shares a vector
    assert meaning.nearness("<*>", TEMPLATES) == {}
    meaning.close()


def test_words_and_meaning_are_put_together_as_independent_evidence() -> None:
    words = pl.DataFrame(
        {"text": [0, 1], "similarity": [1.0, 0.4], "why": ["denied", "for"]},
        schema_overrides={"text": pl.UInt32},
    )
    both = fused(words, nearness({0: 0.5, 1: 0.5, 2: 0.8}))
    assert both["text"].to_list() == [0, 2, 1]
    assert both["similarity"].to_list() == pytest.approx([1.0, 0.8, 0.7])
    assert both["why"].to_list() == ["denied", "meaning", "meaning, for"]


def test_without_a_model_nothing_of_it_is_imported(tmp_path: Path) -> None:
    assert open_meaning(EmbeddingsConfig(), tmp_path, lambda: pa.table({"text": TEMPLATES})) is None
    script = (
        "import heimdall.app.wiring, sys; "
        "assert not {'onnxruntime', 'tokenizers', 'pymilvus', 'milvus_lite'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_what_cannot_be_opened_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="not one of exact, milvus-lite"):
        open_meaning(EmbeddingsConfig(index="faiss"), tmp_path, lambda: pa.table({"text": TEMPLATES}))
    with pytest.raises(HeimdallError, match=r"holds no model.onnx|heimdall-logs\[models\]"):
        Embedder(tmp_path)
