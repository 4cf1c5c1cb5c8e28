"""Clients and servers written in Go, for tests.

python tests/e2e/go_programs.py [NAME ...]        builds those named, or all, into ~/.cache/heimdall-tests
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from built_programs import BUILT, SOURCES, build_named

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

_BEATS_REPLACED = (
    "github.com/Azure/azure-sdk-for-go=github.com/elastic/azure-sdk-for-go@v59.0.0-elastic-1+incompatible",
    "github.com/Microsoft/go-winio=github.com/bi-zone/go-winio@v0.4.15",
    "github.com/Shopify/sarama=github.com/elastic/sarama@v1.19.1-0.20210823122811-11c3ef800752",
    "github.com/apoydence/eachers=github.com/poy/eachers@v0.0.0-20181020210610-23942921fe77",
    "github.com/cucumber/godog=github.com/cucumber/godog@v0.8.1",
    "github.com/docker/docker=github.com/docker/engine@v0.0.0-20191113042239-ea84732a7725",
    "github.com/docker/go-plugins-helpers=github.com/elastic/go-plugins-helpers@v0.0.0-20200207104224-bdf17607b79f",
    "github.com/dop251/goja=github.com/andrewkroh/goja@v0.0.0-20190128172624-dd2ac4456e20",
    "github.com/dop251/goja_nodejs=github.com/dop251/goja_nodejs@v0.0.0-20171011081505-adff31b136e6",
    "github.com/fsnotify/fsevents=github.com/elastic/fsevents@v0.0.0-20181029231046-e1d381a4d270",
    "github.com/fsnotify/fsnotify=github.com/adriansr/fsnotify@v1.4.8-0.20211018144411-a81f2b630e7c",
    "github.com/golang/glog=github.com/elastic/glog@v1.0.1-0.20210831205241-7d8b5c89dfc4",
    "github.com/google/gopacket=github.com/adriansr/gopacket@v1.1.18-0.20200327165309-dd62abfa8a41",
    "github.com/insomniacslk/dhcp=github.com/elastic/dhcp@v0.0.0-20200227161230-57ec251c7eb3",
    "github.com/tonistiigi/fifo=github.com/containerd/fifo@v0.0.0-20190816180239-bda0ff6ed73c",
)

PROGRAMS = {
    "docker_logs": GoProgram(("github.com/moby/moby/v2@v2.0.0-beta.24",)),
    "filebeat": GoProgram(
        ("github.com/elastic/beats/v7@v7.17.29",), "github.com/elastic/beats/v7/filebeat", replaced=_BEATS_REPLACED
    ),
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
    "telegraf": GoProgram(
        ("github.com/influxdata/telegraf@v1.37.2",),
        "github.com/influxdata/telegraf/cmd/telegraf",
        (
            "-tags",
            "custom,inputs.tail,parsers.grok,outputs.elasticsearch,outputs.http,outputs.loki,outputs.syslog,serializers.json",
        ),
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
    found = shutil.which(name, path=str(BUILT)) or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed: python tests/e2e/go_programs.py {name} builds it with Go")
    return found


def build(name: str) -> None:
    """As a dependency of a module of our own: `go install` refuses modules with `replace` or `exclude` lines."""
    program = PROGRAMS[name]
    with tempfile.TemporaryDirectory() as folder:
        if program.package:
            tools = f'//go:build tools\n\npackage tools\n\nimport _ "{program.package}"\n'
            (Path(folder) / "tools.go").write_text(tools)
        else:
            shutil.copy(SOURCES / f"{name}.go", folder)
        for command in (
            ["go", "mod", "init", "tools"],
            *(["go", "mod", "edit", f"-replace={line}"] for line in program.replaced),
            ["go", "get", *program.modules],
            ["go", "build", "-ldflags=-s -w", *program.flags, "-o", str(BUILT / name), program.package or "."],
        ):
            environment = os.environ | {"GOFLAGS": "-mod=mod"} | program.environment
            subprocess.run(command, check=True, cwd=folder, env=environment)


if __name__ == "__main__":
    build_named(__doc__, PROGRAMS, build)
