"""Sentence embeddings by a model in ONNX, in this process and without a network."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heimdall.errors import Misconfigured, MissingExtra

FloatArray = NDArray[np.float32]

TOKENS = 128
"""Of a text that are read: the model learnt on so many, and time grows with them."""


class Embedder:
    """`folder` has `model.onnx`, an encoder of the BERT kind whose first output is a vector a token, and its
    `tokenizer.json`. A vector is the mean of its tokens', of length one (Sentence-BERT, Reimers and Gurevych 2019).
    Safe from several threads; one thread works on a text.

    Raises:
        MissingExtra: onnxruntime or tokenizers is not installed.
        Misconfigured: the folder holds no model that can be read.
    """

    def __init__(self, folder: Path) -> None:
        try:
            import onnxruntime
            from tokenizers import Tokenizer
        except ImportError as exc:
            raise MissingExtra("onnxruntime or tokenizers", "models") from exc
        for name in ("model.onnx", "tokenizer.json"):
            if not (folder / name).is_file():
                raise Misconfigured(f"insight.embeddings.model: {folder} holds no {name}; put the model's there")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False  # texts differ in length: an arena keeps room for the longest of each
        try:
            self._session = onnxruntime.InferenceSession(
                str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
            )
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as exc:  # both libraries raise classes of their own for every kind of broken file
            raise Misconfigured(f"insight.embeddings.model: {folder} cannot be loaded: {exc}") from exc
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(TOKENS)
        self.identity = hashlib.blake2b((folder / "model.onnx").read_bytes(), digest_size=16).digest()
        self._inputs = {each.name for each in self._session.get_inputs()}

    def embed(self, text: str) -> FloatArray:
        """Shape (dimensions,)."""
        encoded = self._tokenizer.encode(text)
        ids = np.array([encoded.ids], np.int64)
        given = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        hidden = self._session.run(None, {name: given[name] for name in given.keys() & self._inputs})[0][0]
        mean: FloatArray = hidden.mean(axis=0, dtype=np.float32)
        return mean / max(float(np.linalg.norm(mean)), 1e-9)
