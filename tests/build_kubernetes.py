"""Builds the API server and the controllers that `tests/real_cluster.py` starts, from their Go modules.

Their main module names its libraries by folders that the module does not have; the same releases of those libraries are
named in their place. Takes about twenty minutes on two cores, 2 GB of memory and 4 GB of disk, once.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from pathlib import Path

from real_cluster import BUILT

VERSION = "1.36.3"
_MODULE = "k8s.io/kubernetes"
_PROGRAMS = ("kube-apiserver", "kube-controller-manager")
_LOCAL = re.compile(r"=> \./staging/src/(k8s\.io/\S+)")


def build() -> None:
    environment = os.environ | {"GOFLAGS": "-mod=mod -buildvcs=false", "CGO_ENABLED": "0"}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def go(*words: str) -> str:
            done = subprocess.run(  # noqa: S603
                ["go", *words],
                cwd=folder,
                env=environment,
                check=True,
                stdout=subprocess.PIPE,
                text=True,  # noqa: S607
            )
            return done.stdout

        (folder / "go.mod").write_text("module heimdall/tests\n", encoding="utf-8")
        source = Path(json.loads(go("mod", "download", "-json", f"{_MODULE}@v{VERSION}"))["Dir"])
        own = (source / "go.mod").read_text(encoding="utf-8").replace(f"module {_MODULE}", "module heimdall/tests")
        libraries = VERSION.replace("1.", "0.", 1)
        (folder / "go.mod").write_text(_LOCAL.sub(rf"=> \1 v{libraries}", own), encoding="utf-8")
        (folder / "go.sum").write_bytes((source / "go.sum").read_bytes())
        go("mod", "edit", f"-require={_MODULE}@v{VERSION}")
        BUILT.mkdir(parents=True, exist_ok=True)
        flags = f"-s -w -X k8s.io/component-base/version.gitVersion=v{VERSION}"
        for program in _PROGRAMS:
            go("build", "-p", "2", "-ldflags", flags, "-o", str(BUILT / program), f"{_MODULE}/cmd/{program}")


if __name__ == "__main__":
    build()
