"""Heimdall: logs from any sender, stored once and never lost, searched in milliseconds.

import heimdall

with heimdall.open("./logs") as hd:
    hd.search("level>=error").to_polars()
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from heimdall import errors
    from heimdall.app.library import Appended, HeimdallWarning, Logs, Result, connect, open

_LIBRARY = ("Appended", "HeimdallWarning", "Logs", "Result", "connect", "open")

__all__ = ["Appended", "HeimdallWarning", "Logs", "Result", "__version__", "connect", "errors", "open"]


def __getattr__(name: str) -> Any:
    """Nothing is loaded before it is used."""
    from importlib import import_module

    if name in _LIBRARY:
        value = getattr(import_module("heimdall.app.library"), name)
    elif name == "errors":
        value = import_module("heimdall.errors")
    else:
        raise AttributeError(f"module 'heimdall' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
