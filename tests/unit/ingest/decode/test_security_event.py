"""CEF and LEEF, by themselves and behind every header they are sent with."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest

from heimdall.ingest.decode.text import decode_lines

NOW_NS = 1_795_343_400_000_000_000


def record(line: str) -> dict[str, Any]:
    row: dict[str, Any] = decode_lines(pl.Series([line]), now_ns=NOW_NS).table.to_pylist()[0]
    return row | json.loads(row.get("attributes") or "{}")


CEF = r"CEF:0|Acme|Fire\|wall|1.0|100|worm stopped|8|src=10.0.0.1 msg=a \= b\nc act=blocked request=http://x/?a=b&c=d"


@pytest.mark.parametrize(
    ("header", "instance", "time"),
    [
        ("", None, "2026-11-22 10:30:00"),
        ("<134>", None, "2026-11-22 10:30:00"),
        ("<134>Nov 21 10:15:30 fw01 ", "fw01", "2026-11-21 10:15:30"),
        ("<134>Nov 21 10:15:30 fw01 agent: ", "fw01", "2026-11-21 10:15:30"),
        ("<134>1 2026-11-21T10:15:30Z fw01 agent 7 - [a@1 b=\"c\"] ", "fw01", "2026-11-21 10:15:30"),
    ],
)  # fmt: skip
def test_cef_behind_any_header(header: str, instance: str | None, time: str) -> None:
    row = record(header + CEF)
    assert (row["message"], row.get("instance"), str(row["timestamp"])[:19]) == (CEF, instance, time)
    assert (row["service"], row["severity_number"]) == ("Fire|wall", 17)
    assert (row["cef.device_vendor"], row["cef.signature_id"], row["cef.name"]) == ("Acme", "100", "worm stopped")
    assert {name: value for name, value in row.items() if name.startswith("cef.extensions.")} == {
        "cef.extensions.src": "10.0.0.1",
        "cef.extensions.msg": "a = b\nc",
        "cef.extensions.act": "blocked",
        "cef.extensions.request": "http://x/?a=b&c=d",
    }


@pytest.mark.parametrize(
    ("severity", "number"), [("0", 9), ("4", 13), ("7", 17), ("10", 21), ("Low", 9), ("Very-High", 21), ("odd", 0)]
)
def test_cef_severity(severity: str, number: int) -> None:
    assert record(f"CEF:0|v|p|1|id|name|{severity}|")["severity_number"] == number


def test_cef_states_its_own_time_when_no_header_does() -> None:
    assert str(record("CEF:0|v|p|1|id|name|5|src=1.2.3.4 rt=1795343300000 dst=1")["timestamp"])[:19] == (
        "2026-11-22 10:28:20"
    )
    assert str(record("CEF:0|v|p|1|id|name|5|start=Nov 20 2026 10:00:00 dst=1")["timestamp"])[:19] == (
        "2026-11-20 10:00:00"
    )


@pytest.mark.parametrize(
    ("delimiter", "between"), [("", "\t"), ("^|", "^"), ("x7c|", "|"), ("0x09|", "\t"), (";|", ";")]
)
def test_leef_of_both_versions(delimiter: str, between: str) -> None:
    version = "2.0" if delimiter else "1.0"
    pairs = between.join(["src=10.0.0.1", "sev=5", "usrName=joe black", "devTime=2026-11-20T10:00:00Z"])
    line = f"LEEF:{version}|Acme|Mail|4.0|15345|{delimiter}{pairs}"
    row = record(line)
    assert (row["message"], row["service"], row["severity_number"]) == (line, "Mail", 13)
    assert (row["leef.vendor"], row["leef.event_id"]) == ("Acme", "15345")
    assert row["leef.attributes.usrName"] == "joe black"
    assert str(row["timestamp"])[:19] == "2026-11-20 10:00:00"


def test_a_key_given_twice_is_a_list() -> None:
    assert record("CEF:0|v|p|1|id|name|5|a=1 a=2")["cef.extensions.a"] == ["1", "2"]
    row = record('<165>1 2026-11-22T10:00:00Z h app - ID [x@1 ip="1" ip="2" n="3"] text')
    assert row["syslog.structured_data.x@1.ip"] == ["1", "2"]
    assert row["syslog.structured_data.x@1.n"] == "3"
