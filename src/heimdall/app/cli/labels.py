"""Arguments of the form label=value."""

from __future__ import annotations

from collections.abc import Iterable

import click


def labels_of(arguments: Iterable[str]) -> dict[str, str]:
    """Label → value. A word without `=` is a slip: as a label without a value it would match whatever lacks it.

    Raises:
        click.UsageError: there is one.
    """
    pairs: dict[str, str] = {}
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if not name or not equals:
            raise click.UsageError(f"{argument!r} is no label=value; write service=payment or service=/pay.*/")
        pairs[name] = value
    return pairs
