"""Incidents in Debian's Alertmanager: begun once however often they are sent, and ended."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from debian import Unpacked, unpacked
from server_process import free_port

from heimdall.alerting.notification import Event, Notification
from heimdall.alerting.notifiers.opening import open_notifier
from heimdall.alerting.routing import ChannelConfig
from heimdall.clock import SystemClock
from heimdall.model.timerange import format_time
from unit.alerting.signals import Remembering


def _with_its_templates(package: Unpacked) -> list[str]:
    """The program reads its templates from one place below /usr/share: that of the package, for this process alone."""
    templates = "usr/share/prometheus/alertmanager/default.tmpl"
    if (Path("/") / templates).exists():
        return []
    mount = f"mount --bind '{package.root}/usr/share' /usr/share"
    prefix = ["unshare", "--map-root-user", "--mount", "sh", "-c", f'{mount} && exec "$@"', "sh"]
    try:
        subprocess.run([*prefix, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("prometheus-alertmanager cannot be run without being installed: no mounts of one's own here")
    return prefix


@pytest.fixture
def alertmanager(tmp_path: Path) -> Iterator[str]:
    package = unpacked("prometheus-alertmanager")
    (tmp_path / "config.yml").write_text("route:\n  receiver: nobody\nreceivers:\n  - name: nobody\n")
    url = f"http://127.0.0.1:{free_port()}"
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [*_with_its_templates(package), package.find("prometheus-alertmanager"),
             f"--config.file={tmp_path / 'config.yml'}", f"--storage.path={tmp_path / 'data'}", f"--web.listen-address={url.removeprefix('http://')}",
             "--cluster.listen-address="],
            stdout=log, stderr=log, env=package.environment,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                if httpx.get(f"{url}/-/ready").status_code == 200:
                    break
            except httpx.TransportError:
                pass
            assert time.monotonic() < deadline, (tmp_path / "log").read_text()
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=20)


def told(kind: Event) -> Notification:
    values: dict[str, Any] = {
        "key": "i1-1", "event": kind, "incident": "i1", "tenant": "default", "title": "Many declined cards",
        "severity": "P1", "services": ["pay"], "started_at": format_time(time.time_ns() - 10**9), "alerts": 1,
        "shown": [], "flapping": False, "storm": False, "acknowledged_by": "", "url": "",
    }  # fmt: skip
    return Notification(**values)


@pytest.mark.conformance("Alerts out", "Prometheus Alertmanager", "an incident begins and ends")
def test_an_incident_begins_once_and_ends(alertmanager: str) -> None:
    channel = ChannelConfig("am", "alertmanager", {"url": alertmanager, "allow_private": True})
    notifier = open_notifier(channel, SystemClock(), {}, Remembering())
    for kind in (Event.TRIGGER, Event.TRIGGER, Event.UPDATE):
        notifier.send(told(kind))
    (alert,) = httpx.get(f"{alertmanager}/api/v2/alerts").json()
    assert alert["labels"] == {"alertname": "HeimdallIncident", "incident": "i1", "tenant": "default"}
    assert alert["annotations"]["summary"] == "News: P1 pay: Many declined cards"
    notifier.send(told(Event.RESOLVE))
    deadline = time.monotonic() + 20
    while httpx.get(f"{alertmanager}/api/v2/alerts").json():
        assert time.monotonic() < deadline, "the alert did not end"
        time.sleep(0.1)
    notifier.close()
