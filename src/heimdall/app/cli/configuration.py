"""`heimdall config`: look at settings and check them the way start-up does."""

from __future__ import annotations

from pathlib import Path

import click

from heimdall.app.cli.output import console, table
from heimdall.app.cli.up import config_option


@click.group("config")
def command() -> None:
    """Check and show the configuration."""


@command.command("check")
@config_option
def check(config_file: Path | None) -> None:
    """Load the configuration as `heimdall up` would and say whether it holds. Exits with 2 when it does not.

    \b
    Example:
      heimdall config check --config heimdall.toml
    """
    from heimdall.app.config import check_config, load_config

    check_config(load_config(config_file, {}))
    click.echo("the configuration is valid")


@command.command("show")
@config_option
def show(config_file: Path | None) -> None:
    """List every setting: its value here, where it differs from the default, and what it means.

    \b
    Example:
      HEIMDALL_SERVER__PORT=8080 heimdall config show
    """
    from heimdall.app.config import NodeConfig, load_config
    from heimdall.app.settings import settings_of, values_of

    values = dict(values_of(load_config(config_file, {})))
    rows = [
        {
            "setting": setting.name,
            "value": _shown(values[setting.name])
            if "secret" not in setting.name
            else "***" * bool(values[setting.name]),
            "": "" if values[setting.name] == setting.default else f"(default {_shown(setting.default)})",
            "meaning": setting.meaning,
        }
        for setting in settings_of(NodeConfig)
    ]
    console().print(table(rows))


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
