"""Clients and servers written in Go, for tests.

python tests/e2e/go_programs.py [NAME ...]        builds those named, or all, into ~/.cache/heimdall-tests
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

_BUILT = Path.home() / ".cache" / "heimdall-tests"
_SOURCES = Path(__file__).parent / "senders" / "clients"
_COLLECTOR = "go.opentelemetry.io/collector"


@dataclass(frozen=True)
class GoProgram:
    modules: tuple[str, ...]
    """Each with its version."""
    package: str = ""
    """The program itself, of one of them; none: ours, the file `<name>.go` among the clients."""
    flags: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    """Its own `replace` lines, which do not count where it is a dependency: `name=name@version`."""
    environment: Mapping[str, str] = field(default_factory=dict)


_LOKI = "github.com/grafana/loki"
_LOKI_MODULES = (
    f"{_LOKI}@v1.6.1",
    "golang.org/x/sys@v0.30.0",
    "golang.org/x/net@v0.30.0",
    "github.com/modern-go/reflect2@v1.0.2",
    "github.com/json-iterator/go@v1.1.12",
)
"""The last release under the Apache licence that is a module; beside it what its own versions of do not run today."""
_LOKI_REPLACED = (
    "github.com/hpcloud/tail=github.com/grafana/tail@v0.0.0-20191024143944-0b54ddf21fe7",
    "github.com/Azure/azure-sdk-for-go=github.com/Azure/azure-sdk-for-go@v36.2.0+incompatible",
    "k8s.io/client-go=k8s.io/client-go@v0.18.3",
    "github.com/satori/go.uuid=github.com/satori/go.uuid@v1.2.0",
    "github.com/gocql/gocql=github.com/grafana/gocql@v0.0.0-20200605141915-ba5dc39ece85",
    "google.golang.org/grpc=google.golang.org/grpc@v1.29.1",
)

PROGRAMS = {
    "docker_logs": GoProgram(("github.com/moby/moby/v2@v2.0.0-beta.24",)),
    "logcli": GoProgram(_LOKI_MODULES, f"{_LOKI}/cmd/logcli", replaced=_LOKI_REPLACED),
    "otelcol": GoProgram(
        (
            f"{_COLLECTOR}/otelcol@v0.165.0",
            f"{_COLLECTOR}/service@v0.165.0",
            f"{_COLLECTOR}/receiver/otlpreceiver@v0.165.0",
            f"{_COLLECTOR}/exporter/otlpexporter@v0.165.0",
            f"{_COLLECTOR}/exporter/otlphttpexporter@v0.165.0",
            "github.com/open-telemetry/opentelemetry-collector-contrib/receiver/filelogreceiver@v0.165.1",
        )
    ),
    "prometheus": GoProgram(
        ("github.com/prometheus/prometheus@v0.316.0",),
        "github.com/prometheus/prometheus/cmd/prometheus",
        ("-tags", "remove_all_sd"),
    ),
    "promtail": GoProgram(
        _LOKI_MODULES,
        f"{_LOKI}/cmd/promtail",
        replaced=_LOKI_REPLACED,
        environment={"CGO_ENABLED": "0"},  # its journal reader wants systemd's headers
    ),
    "vlagent": GoProgram(
        ("github.com/VictoriaMetrics/VictoriaLogs@v1.52.1",), "github.com/VictoriaMetrics/VictoriaLogs/app/vlagent"
    ),
    "vlogscli": GoProgram(
        ("github.com/VictoriaMetrics/VictoriaLogs@v1.52.1",), "github.com/VictoriaMetrics/VictoriaLogs/app/vlogscli"
    ),
    "vmalert": GoProgram(
        ("github.com/VictoriaMetrics/VictoriaMetrics@v1.151.0",),
        "github.com/VictoriaMetrics/VictoriaMetrics/app/vmalert",
    ),
}


def go_program(name: str) -> str:
    """Where it is. Skips the test when it is not built."""
    found = shutil.which(name, path=str(_BUILT)) or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed: python tests/e2e/go_programs.py {name} builds it with Go")
    return found


def build(name: str) -> None:
    """As a dependency of a module of our own: `go install` refuses modules with `replace` or `exclude` lines."""
    program = PROGRAMS[name]
    _BUILT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        if program.package:
            tools = f'//go:build tools\n\npackage tools\n\nimport _ "{program.package}"\n'
            (Path(folder) / "tools.go").write_text(tools)
        else:
            shutil.copy(_SOURCES / f"{name}.go", folder)
        for command in (
            ["go", "mod", "init", "tools"],
            *(["go", "mod", "edit", f"-replace={line}"] for line in program.replaced),
            ["go", "get", *program.modules],
            ["go", "build", "-ldflags=-s -w", *program.flags, "-o", str(_BUILT / name), program.package or "."],
        ):
            environment = os.environ | {"GOFLAGS": "-mod=mod"} | program.environment
            subprocess.run(command, check=True, cwd=folder, env=environment)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PROGRAMS))
    for name in options.parse_args().names or PROGRAMS:
        if not (_BUILT / name).exists():
            build(name)
        print(_BUILT / name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
