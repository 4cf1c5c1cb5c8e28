"""Writes the pages of `docs/reference/` whose answer the code already knows: settings, commands, metrics, errors.

    python docs/generate_reference.py [--check]

With `--check` nothing is written; the exit code is 1 when a page is not what the code says.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

import heimdall.errors
from heimdall.api.errors import status_of
from heimdall.app.cli import cli
from heimdall.app.config import NodeConfig
from heimdall.app.settings import settings_of
from heimdall.errors import HeimdallError

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "heimdall"
REFERENCE = ROOT / "docs" / "reference"
REAL = ROOT / "tests" / "e2e"
SENDERS = REAL / "senders"

_HEAD = "<!-- Written by docs/generate_reference.py from the code; `make docs` brings it up to date. -->\n\n"


def configuration_page() -> str:
    """Every setting with its variable, default and meaning, a table per section."""
    lines = [
        "# Configuration\n",
        "Defaults, then a TOML file (`heimdall up --config FILE`), then environment variables, then flags: each over",
        "the one before. A name is a path: `pipeline.max_wait_s` is `max_wait_s` in the table `[pipeline]`, and",
        "`HEIMDALL_PIPELINE__MAX_WAIT_S` in the environment, where commas separate the items of a list and an empty",
        "text is the empty list. An unknown name stops the start with a suggestion.",
        "`heimdall config check` runs what start-up runs; `heimdall config show` prints what is in force.\n",
        "    [server]",
        "    port = 8080\n",
        "    [storage]",
        "    cold_days = 90",
    ]
    section = None
    for setting in settings_of(NodeConfig):
        here = setting.name.rpartition(".")[0]
        if here != section:
            section = here
            title = f"`[{section}]`" if section else "The node"
            lines += ["", f"## {title}", "", "| setting | kind | default | meaning |", "|---|---|---|---|"]
        lines.append(f"| `{setting.name}` | {setting.type} | {_shown(setting.default)} | {_cell(setting.meaning)} |")
    return _HEAD + "\n".join(lines) + "\n"


def commands_page() -> str:
    """The help of every command, as `--help` prints it."""
    lines = [
        "# Commands\n",
        "Exit codes: 0 done, 1 the work failed, 2 wrong usage or configuration. Output is plain when it goes into a",
        "pipe. `HEIMDALL_URL` names the node for commands that ask one.",
    ]
    for path, context in _commands(cli, click.Context(cli, info_name="heimdall", **cli.context_settings)):
        lines += ["", f"## `{path}`", "", "```text", context.get_help().strip(), "```"]
    return _HEAD + "\n".join(lines) + "\n"


def conformance_page() -> str:
    """Which senders and readers the tests run, door by door, read off their marks; and what is known to be missing."""
    rows: dict[tuple[str, str], dict[str, None]] = {}
    for door, client, feature in conformance():
        rows.setdefault((door, client), {})[feature] = None
    lines = [
        "# Conformance\n",
        "Clients that the tests install and run unchanged against a real node (`tests/e2e/`), and what of them is",
        "checked there. One that cannot be had where the tests run is skipped by name.\n",
        "| door | client | what is checked |",
        "|---|---|---|",
    ]
    lines += [f"| {door} | {client} | {'; '.join(features)} |" for (door, client), features in sorted(rows.items())]
    lines += ["", "## Gaps", "", "| door | what | why |", "|---|---|---|"]
    lines += [f"| {door} | {what} | {why} |" for door, what, why in literal(SENDERS / "gaps.py", "GAPS")]
    return _HEAD + "\n".join(lines) + "\n"


def conformance() -> Iterator[tuple[str, str, str]]:
    """(door, client, feature) of every `pytest.mark.conformance` among the tests with real processes."""
    for file in sorted(REAL.rglob("test_*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "conformance":
                door, client, feature = (str(ast.literal_eval(argument)) for argument in node.args)
                yield door, client, feature


def literal(file: Path, name: str) -> Any:
    """The value a module gives to `name`, without running it."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == name:
            return ast.literal_eval(node.value) if node.value is not None else None
    raise LookupError(f"{file} has no {name}")


def metrics_page() -> str:
    """Every metric a node exports at `/metrics`."""
    lines = [
        "# Metrics\n",
        "`GET /metrics` answers in the OpenMetrics format. A counter's samples end in `_total`; a histogram has",
        "`_bucket`, `_sum` and `_count`.\n",
        "| metric | kind | labels | meaning | counted in |",
        "|---|---|---|---|---|",
    ]
    for metric in sorted(metrics(), key=lambda metric: metric.name):
        labels = ", ".join(f"`{label}`" for label in metric.labels) or "–"
        lines.append(f"| `{metric.name}` | {metric.kind} | {labels} | {_cell(metric.meaning)} | `{metric.module}` |")
    return _HEAD + "\n".join(lines) + "\n"


def errors_page() -> str:
    """Every error code of the API with its status and what it means."""
    lines = [
        "# Errors\n",
        "An error answer is a JSON object; see [API](api.md#errors). `code` is stable. What is indented is a kind of",
        "what stands above it. A failure nobody raised on purpose is 500 `internal`, with a request id for the log.\n",
        "| code | status | meaning |",
        "|---|---|---|",
    ]
    meanings = dict(re.findall(r"── (\w+) +(.+?)(?: {2,}(?:exit )?\d+)?$", heimdall.errors.__doc__ or "", re.MULTILINE))
    for kind, depth in _tree(HeimdallError, -1):
        if kind is HeimdallError or kind.__module__ != HeimdallError.__module__:  # a protocol's own kinds are not ours
            continue
        status = status_of(kind.__new__(kind))
        shown = "exit code 2" if status == 500 else str(status)
        lines.append(f"| {'&emsp;' * depth}`{kind.code}` | {shown} | {_cell(meanings[kind.__name__])} |")
    return _HEAD + "\n".join(lines) + "\n"


PAGES = {
    "configuration.md": configuration_page,
    "commands.md": commands_page,
    "metrics.md": metrics_page,
    "conformance.md": conformance_page,
    "errors.md": errors_page,
}


@dataclass(frozen=True, slots=True)
class Metric:
    name: str
    kind: str
    meaning: str
    labels: tuple[str, ...]
    module: str


def metrics() -> Iterator[Metric]:
    """Metrics as the source declares them: `NAME = Counter("heimdall_…", "meaning", ["label"])`."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and len(node.args) >= 2 and isinstance(node.args[0], ast.Constant)):
                continue
            kind = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            name = node.args[0].value
            if kind not in ("Counter", "Gauge", "Histogram", "Summary") or not str(name).startswith("heimdall_"):
                continue
            labels = ast.literal_eval(node.args[2]) if len(node.args) > 2 else ()
            unit = next((ast.literal_eval(word.value) for word in node.keywords if word.arg == "unit"), "")
            if unit and not name.endswith(unit):
                name = f"{name}_{unit}"
            yield Metric(
                name, kind.lower(), ast.literal_eval(node.args[1]), tuple(labels), str(path.relative_to(SOURCE))
            )


def _commands(command: click.Command, context: click.Context) -> Iterator[tuple[str, click.Context]]:
    yield context.command_path, context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None and not below.hidden:
                yield from _commands(
                    below, click.Context(below, info_name=name, parent=context, **below.context_settings)
                )


def _tree(kind: type[HeimdallError], depth: int) -> Iterator[tuple[type[HeimdallError], int]]:
    yield kind, depth
    for below in kind.__subclasses__():
        yield from _tree(below, depth + 1)


def _shown(value: object) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return "`" + ", ".join(map(str, value)) + "`"
    return f"`{value:,}`".replace(",", " ") if isinstance(value, int) and value >= 100_000 else f"`{value}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> int:
    stale = [name for name, page in PAGES.items() if _read(REFERENCE / name) != page()]
    if "--check" in sys.argv[1:]:
        for name in stale:
            sys.stderr.write(f"docs/reference/{name} is not what the code says; run: make docs\n")
        return 1 if stale else 0
    for name in stale:
        (REFERENCE / name).write_text(PAGES[name](), encoding="utf-8")
        sys.stdout.write(f"wrote docs/reference/{name}\n")
    return 0


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


if __name__ == "__main__":
    sys.exit(main())
