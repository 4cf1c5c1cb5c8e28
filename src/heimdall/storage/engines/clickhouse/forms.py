"""The form of a message: its text with `0` in place of each token that has a digit.

Messages of one statement differ in numbers and ids and share their form, so of a million records a few hundred forms
say where every word and phrase without a digit stands. The table keeps the form beside the message, as a dictionary:
records lie by template, so it costs next to nothing, and a phrase is looked for in the dictionary. Forms that hardly
occur are not kept; where there is none, the message is read.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

DIGITS = "[A-Za-z]*[0-9][0-9A-Za-z]*"
"""A stretch of ASCII letters and digits with a digit in it: a token, or what other letters leave of one."""

MOST_OF_A_BATCH = 2_000
"""Forms of one batch that are considered, the frequent ones."""

REMEMBERED = 10_000
"""Forms, those met last, that are kept even when a batch has them once."""

LONGEST = 2_000
"""Bytes of a form; a stack trace has no form."""


class Forms:
    """Says which forms are worth keeping. Safe from several threads; remembers hashes, not texts."""

    def __init__(self) -> None:
        self._met: OrderedDict[int, None] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, messages: pa.ChunkedArray) -> pa.DictionaryArray:
        """The form of each message (large strings), or '' where it has none."""
        text = pl.Series(pc.fill_null(messages, "")).str.replace_all(DIGITS, "0")
        encoded = pc.dictionary_encode(text.to_arrow())
        numbers = encoded.indices.to_numpy()
        counts = np.bincount(numbers, minlength=len(encoded.dictionary))
        frequent = counts > len(numbers) // MOST_OF_A_BATCH
        lengths = pc.binary_length(encoded.dictionary).to_numpy()
        frequent &= (lengths > 0) & (lengths <= LONGEST)  # '' is none, and stands in the dictionary already
        places = np.flatnonzero(frequent)
        kept = self._worth_keeping(encoded.dictionary.take(places).to_pylist(), counts[places].tolist())
        places = places[kept]
        renumbered = np.zeros(len(counts), np.int32)
        renumbered[places] = np.arange(1, len(places) + 1, dtype=np.int32)
        dictionary = pa.concat_arrays([pa.array([""], encoded.dictionary.type), encoded.dictionary.take(places)])
        return pa.DictionaryArray.from_arrays(pa.array(renumbered[numbers]), dictionary)

    def _worth_keeping(self, forms: list[str], counts: list[int]) -> list[bool]:
        """Those a batch has twice, and those met before."""
        kept = []
        with self._lock:
            for form, count in zip(forms, counts, strict=True):
                known = hash(form)
                kept.append(count > 1 or known in self._met)
                self._met[known] = None
                self._met.move_to_end(known)
            while len(self._met) > REMEMBERED:
                self._met.popitem(last=False)
        return kept
