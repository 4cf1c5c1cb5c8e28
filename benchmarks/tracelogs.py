"""Stack traces as five languages print them, of faults that are known: what `| similar` is measured on.

A service has functions, a fault a path through them with what is thrown and, often, what caused it. Some faults differ
in one frame or in the exception alone. An occurrence of a fault has the line numbers of its release, whose paths lie
elsewhere and whose functions may have new names; numbers of lambdas, proxies, addresses and threads; another order,
customer and host in its message; and may be cut off below.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

LANGUAGES = ("java", "python", "go", "node", "dotnet")
RELEASES = 5
_VERBS = (
    "load", "save", "find", "check", "charge", "reserve", "send", "merge", "parse",
    "open", "close", "refresh", "apply", "route", "quote", "pack", "price",
)  # fmt: skip
_NOUNS = (
    "order", "cart", "stock", "invoice", "ticket", "voucher", "account", "parcel",
    "basket", "session", "quota", "ledger", "coupon", "profile",
)  # fmt: skip
_ROLES = (
    "service", "client", "repository", "handler", "gateway", "manager",
    "worker", "adapter", "store", "mapper",
)  # fmt: skip
_THROWN = {
    "java": "java.lang.IllegalStateException java.lang.NullPointerException java.net.SocketTimeoutException "
    "java.sql.SQLTransientConnectionException java.util.NoSuchElementException "
    "org.springframework.dao.DuplicateKeyException",
    "python": "KeyError ValueError TimeoutError ConnectionResetError sqlalchemy.exc.OperationalError "
    "requests.exceptions.ReadTimeout",
    "go": "runtime error: invalid memory address or nil pointer dereference|runtime error: index out of range [{n}] "
    "with length {n}|assignment to entry in nil map|send on closed channel",
    "node": "TypeError RangeError Error AssertionError AxiosError SequelizeConnectionError",
    "dotnet": "System.NullReferenceException System.TimeoutException System.InvalidOperationException "
    "System.Net.Http.HttpRequestException Npgsql.PostgresException System.Collections.Generic.KeyNotFoundException",
}
_SAID = (
    "no connection within {n} ms", "{noun} {n} is closed", "unexpected value {n} of {noun} {hex}",
    "timed out after {n} ms waiting for {host}", "missing {noun} for customer {n}", "cannot read '{noun}' of {hex}",
)  # fmt: skip
_BELOW = {
    "java": "org.springframework.web.servlet.FrameworkServlet.service jakarta.servlet.http.HttpServlet.service "
    "org.apache.catalina.core.ApplicationFilterChain.doFilter org.apache.catalina.core.StandardWrapperValve.invoke "
    "org.apache.coyote.http11.Http11Processor.service org.apache.tomcat.util.net.NioEndpoint$SocketProcessor.doRun "
    "org.apache.tomcat.util.threads.TaskThread$WrappingRunnable.run java.base/java.lang.Thread.run",
    "python": "flask/app.py:wsgi_app flask/app.py:full_dispatch_request flask/app.py:dispatch_request",
    "go": "net/http.HandlerFunc.ServeHTTP net/http.(*ServeMux).ServeHTTP net/http.serverHandler.ServeHTTP "
    "net/http.(*conn).serve",
    "node": "express/lib/router/layer.js:Layer.handle express/lib/router/route.js:next "
    "node:internal/process/task_queues:process.processTicksAndRejections",
    "dotnet": "Microsoft.AspNetCore.Mvc.Infrastructure.ActionMethodExecutor.Execute(ActionContext context)|"
    "Microsoft.AspNetCore.Routing.EndpointMiddleware.Invoke(HttpContext context)",
}


@dataclass(frozen=True, slots=True)
class Fault:
    number: int
    service: str
    language: str
    thrown: str
    said: str
    path: tuple[tuple[str, str], ...]
    """(class or module, function), where it was thrown first."""
    cause: tuple[str, str, tuple[tuple[str, str], ...]] | None


def faults(draw: random.Random, services: int, each: int) -> list[Fault]:
    found: list[Fault] = []
    for place in range(services):
        language = LANGUAGES[place % len(LANGUAGES)]
        owners = [draw.choice(_NOUNS).title() + draw.choice(_ROLES).title() for _ in range(6)]
        functions = [(owner, draw.choice(_VERBS) + draw.choice(_NOUNS).title()) for owner in owners for _ in range(4)]
        service = f"{draw.choice(_NOUNS)}-{draw.choice(_NOUNS)}-{place}"
        for turn in range(each):
            last = found[-1] if turn else None
            path = tuple(draw.sample(functions, draw.randint(3, 8)))
            thrown, said, cause = _thrown(draw, language), draw.choice(_SAID), None
            if draw.random() < 0.5:
                cause = (_thrown(draw, language), draw.choice(_SAID), tuple(draw.sample(functions, draw.randint(2, 4))))
            if last is not None and turn % 4 == 1:  # the same but for the place that threw it
                place = draw.choice([one for one in functions if one not in last.path])
                path, thrown, said, cause = (place, *last.path[1:]), last.thrown, last.said, last.cause
            elif last is not None and turn % 4 == 3:  # the same way, something else thrown
                others = [one for one in _all_thrown(language) if one != last.thrown]
                path, thrown, cause = last.path, draw.choice(others), last.cause
            found.append(Fault(len(found), service, language, thrown, said, path, cause))
    return found


def _all_thrown(language: str) -> list[str]:
    return _THROWN[language].split("|" if language == "go" else None)


def _thrown(draw: random.Random, language: str) -> str:
    return draw.choice(_all_thrown(language))


def occurrence(fault: Fault, draw: random.Random) -> str:
    """A message with a trace, in which nothing but the fault itself is as in its other occurrences."""
    release = draw.randrange(RELEASES)
    return _PRINTED[fault.language](fault, draw, release)


def _filled(text: str, draw: random.Random) -> str:
    values = {"n": str(draw.randrange(1, 90_000)), "hex": f"{draw.getrandbits(48):012x}", "noun": draw.choice(_NOUNS),
              "host": f"10.{draw.randrange(256)}.{draw.randrange(256)}.{draw.randrange(256)}:5432"}  # fmt: skip
    return text.format(**values)


def _named(fault: Fault, owner: str, function: str, release: int) -> str:
    """One function in eight is called otherwise from its second release on."""
    renamed = random.Random(f"{fault.service} {owner} {function}")
    return function + "Now" if renamed.random() < 0.125 and release >= renamed.randrange(1, RELEASES) else function


def _line(fault: Fault, owner: str, function: str, release: int) -> int:
    return random.Random(f"{fault.service} {owner} {function} {release}").randrange(12, 900)


def _java(fault: Fault, draw: random.Random, release: int) -> str:
    package = f"com.acme.{fault.service.split('-')[0]}"

    def frames(path: tuple[tuple[str, str], ...]) -> list[str]:
        lines = []
        for owner, function in path:
            name, line = _named(fault, owner, function, release), _line(fault, owner, function, release)
            kind = (len(owner) + len(function)) % 5
            if kind == 0:
                lines.append(f"\tat {package}.{owner}.lambda${name}${draw.randrange(9)}({owner}.java:{line})")
            elif kind == 1:
                lines.append(f"\tat {package}.{owner}$$SpringCGLIB$${draw.randrange(3)}.{name}(<generated>)")
            else:
                lines.append(f"\tat {package}.{owner}.{name}({owner}.java:{line})")
        return lines

    below = [f"\tat {name}({name.split('.')[-2].split('$')[0]}.java:{draw.randrange(30, 40)}{release})"
             for name in _BELOW["java"].split()]  # fmt: skip
    below.insert(1, f"\tat jdk.internal.reflect.GeneratedMethodAccessor{draw.randrange(400)}.invoke(Unknown Source)")
    cut = draw.choice([len(below), len(below), 3])
    lines = [f"[http-nio-8080-exec-{draw.randrange(200)}] request {draw.getrandbits(32):08x} failed",
             f"{fault.thrown}: {_filled(fault.said, draw)}", *frames(fault.path), *below[:cut]]  # fmt: skip
    if fault.cause is not None:
        thrown, said, path = fault.cause
        lines += [f"Caused by: {thrown}: {_filled(said, draw)}", *frames(path), f"\t... {draw.randrange(20, 60)} more"]
    return "\n".join(lines)


def _python(fault: Fault, draw: random.Random, release: int) -> str:
    root = draw.choice(["/app", f"/srv/releases/2026{draw.randrange(1, 12):02}{draw.randrange(1, 28):02}", "/opt/svc"])

    def trace(thrown: str, said: str, path: tuple[tuple[str, str], ...], below: bool) -> list[str]:
        lines = ["Traceback (most recent call last):"]
        if below:
            for entry in _BELOW["python"].split():
                file, _, name = entry.partition(":")
                lines += [f'  File "{root}/lib/python3.{11 + release % 3}/site-packages/{file}", line '
                          f"{draw.randrange(800, 900)}{release}, in {name}", "    response = self.run()"]  # fmt: skip
        for owner, function in reversed(path):
            name = _named(fault, owner, function, release).lower()
            file = f"{root}/{fault.service.split('-')[0]}/{owner.lower()}.py"
            line = _line(fault, owner, function, release)
            lines += [f'  File "{file}", line {line}, in {name}', "    return self.call(value)"]
        return [*lines, f"{thrown}: {_filled(said, draw)}"]

    lines = [f"task {draw.getrandbits(64):016x} raised on worker-{draw.randrange(64)}"]
    if fault.cause is not None:
        lines += trace(*fault.cause, below=False)
        lines += ["", "The above exception was the direct cause of the following exception:", ""]
    return "\n".join([*lines, *trace(fault.thrown, fault.said, fault.path, below=True)])


def _go(fault: Fault, draw: random.Random, release: int) -> str:
    lines = [f"panic: {_filled(fault.thrown, draw)}", "", f"goroutine {draw.randrange(9_000)} [running]:"]
    for owner, function in fault.path:
        name, line = _named(fault, owner, function, release), _line(fault, owner, function, release)
        address, offset = draw.getrandbits(32), draw.randrange(4_000)
        suffix = f".func{draw.randrange(1, 4)}" if len(function) % 4 == 0 else ""
        module = f"github.com/acme/{fault.service}/internal/{owner.lower()}"
        lines += [f"{module}.(*{owner}).{name}{suffix}(0xc0{address:08x}, {{0x{draw.getrandbits(24):x}, 0x1f}})",
                  f"\t/go/src/{owner.lower()}/{function.lower()}.go:{line} +0x{offset:x}"]  # fmt: skip
    for name in _BELOW["go"].split():
        lines += [f"{name}(0xc0{draw.getrandbits(32):08x})", f"\t/usr/local/go1.2{release}/src/net/http/server.go:"
                  f"{draw.randrange(2_000, 3_000)} +0x{draw.randrange(999):x}"]  # fmt: skip
    return "\n".join(lines)


def _node(fault: Fault, draw: random.Random, release: int) -> str:
    root = draw.choice(["/usr/src/app", f"/home/node/{draw.getrandbits(20):05x}", "file:///app"])

    def trace(thrown: str, said: str, path: tuple[tuple[str, str], ...]) -> list[str]:
        lines = [f"{thrown}: {_filled(said, draw)}"]
        for owner, function in path:
            name, line = _named(fault, owner, function, release), _line(fault, owner, function, release)
            wait = "async " if len(function) % 3 == 0 else ""
            lines.append(f"    at {wait}{owner}.{name} ({root}/dist/{owner.lower()}.js:{line}:{draw.randrange(1, 99)})")
        return lines

    lines = trace(fault.thrown, fault.said, fault.path)
    for entry in _BELOW["node"].split():
        file, _, name = entry.rpartition(":")
        place = file if file.startswith("node:") else f"{root}/node_modules/{file}"
        lines.append(f"    at {name} ({place}:{draw.randrange(90, 99)}{release}:{draw.randrange(1, 60)})")
    if fault.cause is not None:
        cause = trace(*fault.cause)
        lines[-1] += " {"
        lines += [f"  [cause]: {cause[0]}", *[f"    {line}" for line in cause[1:]], "}"]
    return "\n".join([f"unhandled in request {draw.getrandbits(40):010x}", *lines])


def _dotnet(fault: Fault, draw: random.Random, release: int) -> str:
    space = f"Acme.{fault.service.split('-')[0].title()}"
    root = draw.choice(["/src", f"C:\\agent\\_work\\{draw.randrange(90)}\\s", "/home/vsts/work/1/s"])

    def frames(path: tuple[tuple[str, str], ...]) -> list[str]:
        lines = []
        for owner, function in path:
            name, line = _named(fault, owner, function, release), _line(fault, owner, function, release)
            name = f"<{name}>d__{draw.randrange(40)}.MoveNext()" if len(function) % 3 == 0 else f"{name}(Guid id)"
            lines.append(f"   at {space}.{owner}.{name} in {root}/{owner}.cs:line {line}")
        return lines

    head = f"{fault.thrown}: {_filled(fault.said, draw)}"
    lines = [f'Connection id "0HM{draw.getrandbits(40):010X}" failed']
    if fault.cause is None:
        lines.append(head)
    else:
        thrown, said, path = fault.cause
        lines += [head, f" ---> {thrown}: {_filled(said, draw)}", *frames(path),
                  "   --- End of inner exception stack trace ---"]  # fmt: skip
    return "\n".join([*lines, *frames(fault.path), *[f"   at {name}" for name in _BELOW["dotnet"].split("|")]])


_PRINTED: dict[str, Callable[[Fault, random.Random, int], str]] = {
    "java": _java, "python": _python, "go": _go, "node": _node, "dotnet": _dotnet,
}  # fmt: skip
