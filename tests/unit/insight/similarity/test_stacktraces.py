"""Stack traces of five languages, as their runtimes print them."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heimdall.insight.similarity.stacktraces import stack_names

JAVA = """\
2026-11-26 10:00:00 ERROR [exec-7] c.s.Api - order 4711 failed
java.lang.IllegalStateException: cart 4711 is closed
\tat com.shop.Cart.add(Cart.java:88) ~[shop-1.2.jar!/:1.2]
\tat com.shop.CartService.lambda$put$3(CartService.java:41)
\tat com.shop.CartService$$SpringCGLIB$$0.put(<generated>)
\tat app//com.shop.Inner$Worker.run(Inner.java:5)
\tat jdk.internal.reflect.GeneratedMethodAccessor213.invoke(Unknown Source)
\tat java.base/java.lang.Thread.run(Thread.java:829)
Caused by: java.sql.SQLException: no connection
\tat com.shop.Pool.<init>(Pool.java:12)
\tat com.shop.Pool.take(Pool.java:40)
\t... 12 more"""
PYTHON = """\
Traceback (most recent call last):
  File "/app/lib/python3.12/site-packages/requests/adapters.py", line 667, in send
    resp = conn.urlopen(
           ^^^^^^^^^^^^^
requests.exceptions.ReadTimeout: timed out

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/app/shop/api.py", line 12, in <module>
    pay()
  File "/app/shop/pay.py", line 31, in charge
    raise Declined(order)
shop.pay.Declined: order 4711"""
GO = """\
panic: runtime error: index out of range [5] with length 3

goroutine 19 [running]:
main.(*Cart).Add(0xc000112000, {0x10, 0x2})
\t/go/src/shop/cart.go:41 +0x1d
github.com/acme/shop/internal/api.Serve.func2.1()
\t/go/src/shop/internal/api/serve.go:12 +0x8a
net/http.HandlerFunc.ServeHTTP(0x0?, {0x7f, 0xc0}, 0x1)
\t/usr/local/go/src/net/http/server.go:2136 +0x29
created by net/http.(*Server).Serve in goroutine 1
\t/usr/local/go/src/net/http/server.go:3086 +0x5cb"""
NODE = """\
TypeError: Cannot read properties of undefined (reading 'id')
    at Cart.add (/usr/src/app/dist/cart.js:41:17)
    at async CartApi.post [as handle] (file:///usr/src/app/dist/api.js:12:3)
    at new Order (/usr/src/app/dist/order.js:5:9)
    at /usr/src/app/dist/server.js:88:5
    at process.processTicksAndRejections (node:internal/process/task_queues:95:5) {
  [cause]: Error: no connection
      at Pool.take (/usr/src/app/dist/pool.js:7:11)
}"""
DOTNET = """\
System.InvalidOperationException: cart is closed
 ---> Npgsql.PostgresException (0x80004005): 57P01: terminating
   at Npgsql.NpgsqlConnector.<ReadMessage>g__ReadLong|233_0(NpgsqlConnector connector) in C:\\b\\s\\Connector.cs:line 12
   --- End of inner exception stack trace ---
   at Shop.Cart.<AddAsync>d__14.MoveNext() in /src/Cart.cs:line 88
   at Shop.Repository`1.Get[T](Guid id)
   at System.Threading.Tasks.Task`1.get_Result()"""

WANTED = {
    JAVA: (
        ["lang.IllegalStateException", "sql.SQLException"],
        ["Cart.add", "CartService.put", "CartService.put", "Worker.run", "GeneratedMethodAccessor.invoke", "Thread.run",
         "Pool.init", "Pool.take"],
    ),
    PYTHON: (
        ["exceptions.ReadTimeout", "pay.Declined"],
        ["adapters.send", "api.module", "pay.charge"],
    ),
    GO: (
        ["runtime error: index out of range"],
        ["Cart.Add", "api.Serve", "HandlerFunc.ServeHTTP", "Server.Serve"],
    ),
    NODE: (
        ["TypeError", "Error"],
        ["Cart.add", "CartApi.post", "Order", "server", "process.processTicksAndRejections", "Pool.take"],
    ),
    DOTNET: (
        ["System.InvalidOperationException", "Npgsql.PostgresException"],
        ["NpgsqlConnector.ReadMessage", "Cart.AddAsync", "Repository.Get", "Task.get_Result"],
    ),
}  # fmt: skip


def read(text: str) -> pl.DataFrame:
    return stack_names(pl.Series([text], dtype=pl.String))


@pytest.mark.parametrize("text", WANTED, ids=["java", "python", "go", "node", "dotnet"])
def test_what_was_thrown_and_the_frames_are_read(text: str) -> None:
    names = read(text)
    thrown, frames = WANTED[text]
    assert names.filter("thrown")["shown"].to_list() == thrown
    assert names.filter(~pl.col("thrown"))["shown"].to_list() == frames


def test_depth_is_counted_from_where_it_was_thrown_in_each_part() -> None:
    depths = dict(read(JAVA).select("name", "depth").iter_rows())
    assert depths["cart.add"] == depths["pool.init"] == 0
    assert (depths["thread.run"], depths["pool.take"]) == (5, 1)
    depths = dict(read(PYTHON).select("name", "depth").iter_rows())
    assert (depths["pay.charge"], depths["api.module"], depths["adapters.send"]) == (0, 1, 0)


@pytest.mark.parametrize(
    "text",
    ["", "at last (all) is well", "order 4711 saved in 3 ms", "call main.run(1)\nand then (more)", "\n\n\x00",
     "java.lang.IllegalStateException: no frames", "Thanks\n  at noon (CET)"],
)  # fmt: skip
def test_other_texts_have_none(text: str) -> None:
    assert read(text).is_empty()


def test_texts_keep_their_places() -> None:
    names = stack_names(pl.Series(["nothing", JAVA, None, GO], dtype=pl.String))
    assert names["text"].unique().to_list() == [1, 3]


@given(st.text(max_size=200), st.integers(1, 10**6), st.sampled_from(list(WANTED)))
def test_line_numbers_and_what_stands_before_change_nothing(before: str, line: int, text: str) -> None:
    moved = text.replace("41", str(line)).replace("88", str(line)).replace("12", str(line))
    prefix = "said: " + before.replace("\n", " ").replace("\r", " ")
    names = stack_names(pl.Series([text, f"{prefix}\n{moved}"], dtype=pl.String))
    first, second = (names.filter(pl.col("text") == place)["name"].to_list() for place in (0, 1))
    assert first == second
