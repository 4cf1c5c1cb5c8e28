"""Heimdall inside a program: a folder of logs, a node's data, or a node, behind one API.

`import heimdall` lends these names on first use.
"""

from heimdall.app.library.backend import Appended
from heimdall.app.library.logs import HeimdallWarning, Logs
from heimdall.app.library.opening import connect, open
from heimdall.app.library.result import Result

__all__ = ["Appended", "HeimdallWarning", "Logs", "Result", "connect", "open"]
