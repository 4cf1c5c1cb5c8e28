from __future__ import annotations

from heimdall.app.cli.search import one_table


def test_pages_with_other_columns_become_one_table() -> None:
    pages = [b"message,user\na,u1\n", b"code,message\n7,b\n", b'message,user\n"c,d",\n']
    assert one_table(pages) == b'message,user,code\na,u1,\nb,,7\n"c,d",,\n'


def test_pages_with_the_same_columns_have_one_header() -> None:
    assert one_table([b"n\n1\n", b"n\n2\n"]) == b"n\n1\n2\n"
    assert one_table([]) == b""
