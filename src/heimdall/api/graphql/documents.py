"""Documents that clients name by the SHA-256 of their text, so that it travels once.

Source: Apollo, "Automatic persisted queries": the protocol that clients agree on.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict

from heimdall.errors import InvalidInput, NotFound

MAX_DOCUMENTS = 1_000
MAX_CHARACTERS = 64 * 1024
"""Of one document; with `MAX_DOCUMENTS` of them at most 64 MiB."""


class UnknownDocument(NotFound):
    code = "PERSISTED_QUERY_NOT_FOUND"


class Documents:
    """The documents used last. Safe from several threads."""

    def __init__(self) -> None:
        self._texts: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()

    def text(self, text: str | None, digest: str | None) -> str:
        """The document that is meant by a text, by a digest, or by both, which keeps it.

        Raises:
            InvalidInput: neither; too long; the digest is another text's.
            UnknownDocument: nobody has sent it with its text yet.
        """
        if text is not None and len(text) > MAX_CHARACTERS:
            raise InvalidInput(f"the document is longer than {MAX_CHARACTERS:,} characters")
        if digest is None:
            if not text:
                raise InvalidInput('there is no query; send {"query": "{ … }"}')
            return text
        with self._lock:
            if not text:
                if digest not in self._texts:
                    raise UnknownDocument("PersistedQueryNotFound")
                self._texts.move_to_end(digest)
                return self._texts[digest]
            if hashlib.sha256(text.encode()).hexdigest() != digest:
                raise InvalidInput("provided sha does not match query")
            self._texts[digest] = text
            self._texts.move_to_end(digest)
            if len(self._texts) > MAX_DOCUMENTS:
                self._texts.popitem(last=False)
            return text
