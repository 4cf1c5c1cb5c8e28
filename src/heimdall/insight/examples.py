"""What messages look like: the newest message of each template, for whoever reads a finding."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

MOST = 20_000
"""Templates remembered, those longest without a message forgotten first; a message takes 200 characters at most."""
CHARACTERS = 200


class Examples:
    """Bounded; not safe from several threads."""

    def __init__(self) -> None:
        self._messages: dict[int, str] = {}

    def put(self, templates: Sequence[int], messages: Sequence[str]) -> None:
        for template, message in zip(templates, messages, strict=True):
            self._messages.pop(template, None)
            self._messages[template] = message[:CHARACTERS]
        for template in list(islice(self._messages, max(len(self._messages) - MOST, 0))):
            del self._messages[template]

    def get(self, template: int) -> str:
        """ "" where nothing is remembered."""
        return self._messages.get(template, "")

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """State for a checkpoint: the texts one behind the other, since an array of texts pads each to the longest."""
        texts = [message.encode("utf-8", "surrogatepass") for message in self._messages.values()]
        return {
            "templates": np.array(list(self._messages), np.uint64),
            "sizes": np.array([len(text) for text in texts], np.int64),
            "texts": np.frombuffer(b"".join(texts), np.uint8),
        }

    def load(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        blob = arrays["texts"].tobytes()
        ends = np.cumsum(arrays["sizes"]).tolist()
        texts = [blob[start:end].decode("utf-8", "surrogatepass") for start, end in zip([0, *ends], ends, strict=False)]
        self._messages = dict(zip(arrays["templates"].tolist(), texts, strict=True))
