"""The command line: `heimdall`, one module per command."""

from __future__ import annotations

import difflib
import os
import sys

import click

from heimdall import __version__
from heimdall.errors import HeimdallError, Misconfigured

_ELSEWHERE = {
    "patterns": "patterns are a pipe: heimdall search '* | patterns'",
    "anomalies": "they are a pipe over a chart: heimdall search '* | timechart span=5m count() | anomalies'",
    "compare": "comparing is a pipe: heimdall search 'level>=error | compare' --from -1h",
    "rootcause": "causes are a pipe: heimdall search 'level>=error | rootcause' --from -1h",
    "explain": "a plan is an option: heimdall search QUERY --explain analyze",
    "incidents": "incidents are with the alerts: heimdall alerts incidents",
    "silence": "silences are with the alerts: heimdall alerts silence service=payment",
    "query": "asking is: heimdall search QUERY",
    "start": "a node is started by: heimdall up",
    "serve": "a node is started by: heimdall up",
    "send": "files are sent by: heimdall ingest FILE",
}
"""What people try, and where it is."""


class _ReaderGone(Exception):
    """Whoever read the output has enough of it, as `head` has. Not an OSError: click and rich exit with 1 at those."""


class _Commands(click.Group):
    """Imports a command's module only when it is called, so that `heimdall search` does not load a database."""

    commands_by_name = {
        "up": "up",
        "demo": "demo",
        "ingest": "ingest",
        "sources": "sources",
        "search": "search",
        "similar": "similar",
        "templates": "templates",
        "translate": "translate",
        "tail": "tail",
        "config": "configuration",
        "ledger": "ledger",
        "tiers": "tiers",
        "deadletters": "deadletters",
        "rules": "rules",
        "alerts": "alerts",
        "actions": "actions",
    }

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands_by_name)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as exc:
            raise _ReaderGone from exc

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does; a word that is no command is answered with what comes nearest."""
        word = args[0]
        if self.get_command(ctx, word) is None and not word.startswith("-"):
            known, hint = self.list_commands(ctx), _ELSEWHERE.get(word)
            nearest = difflib.get_close_matches(word, known, n=1)
            hint = hint or (f"did you mean {nearest[0]!r}?" if nearest else f"commands are {', '.join(known)}")
            raise click.UsageError(f"there is no command {word!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        module = self.commands_by_name.get(name)
        if module is None:
            return None
        from importlib import import_module

        command = import_module(f"heimdall.app.cli.{module}").command
        assert isinstance(command, click.Command)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="heimdall")
def cli() -> None:
    """Heimdall: logs from any sender, stored once and never lost, searched in milliseconds.

    \b
    Start here:
      heimdall up                      start a node; its pages are on http://127.0.0.1:7373
      heimdall demo                    start a node with a shop's logs in it
      heimdall ingest app.log          send a file
      heimdall search 'level:error'    ask
    """


def main() -> None:
    """Entry point. Exit codes: 0 done, 1 the work failed, 2 wrong usage or configuration."""
    try:
        sys.exit(cli.main(standalone_mode=False))  # what `Exit` said, or None
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as exc:
        exc.show()
        sys.exit(2 if isinstance(exc, click.UsageError) else 1)
    except Misconfigured as exc:
        click.echo(f"heimdall: {exc}", err=True)
        sys.exit(2)
    except HeimdallError as exc:
        click.echo(f"heimdall: {exc}", err=True)
        sys.exit(1)
    except _ReaderGone:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left is flushed at the exit
        sys.exit(0)
