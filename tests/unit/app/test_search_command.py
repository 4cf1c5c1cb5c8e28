from __future__ import annotations

import io

from heimdall.app.cli.search import one_table


def joined(pages: list[bytes]) -> bytes:
    made = io.BytesIO()
    one_table(io.BytesIO(b"".join(pages)), [len(page) for page in pages], made)
    return made.getvalue()


def test_pages_with_other_columns_become_one_table() -> None:
    pages = [b"message,user\na,u1\n", b"", b"code,message\n7,b\n", b'message,user\n"c,d",\n']
    assert joined(pages) == b'message,user,code\na,u1,\nb,,7\n"c,d",,\n'


def test_pages_with_the_same_columns_have_one_header() -> None:
    assert joined([b"n\n1\n", b"n\n2\n"]) == b"n\n1\n2\n"
    assert joined([]) == b""
