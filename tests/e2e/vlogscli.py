"""VictoriaLogs' command-line client for tests.

python tests/e2e/vlogscli.py        builds it with Go, into ~/.cache/heimdall-tests
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

_BUILT = Path.home() / ".cache" / "heimdall-tests"
_MODULE = "github.com/VictoriaMetrics/VictoriaLogs/app/vlogscli"
_VERSION = "v1.52.1"


def vlogscli_program() -> str | None:
    """Where it is; None where it is not installed."""
    return shutil.which("vlogscli", path=str(_BUILT)) or shutil.which("vlogscli")


def main() -> int:
    """Its module has `replace` lines, so `go install` may refuse it: it is built as a dependency."""
    if vlogscli_program() is None:
        _BUILT.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "tools.go").write_text(f'//go:build tools\n\npackage tools\n\nimport _ "{_MODULE}"\n')
            for command in (
                ["go", "mod", "init", "tools"],
                ["go", "get", f"{_MODULE}@{_VERSION}"],
                ["go", "build", "-o", str(_BUILT / "vlogscli"), _MODULE],
            ):
                subprocess.run(command, check=True, cwd=folder, env=os.environ | {"GOFLAGS": "-mod=mod"})
    print(vlogscli_program())
    return 0


if __name__ == "__main__":
    sys.exit(main())
