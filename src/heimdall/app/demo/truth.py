"""The truth file: what was planted, where it begins, whom it hits, which lines show it. Detectors are judged by it."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from heimdall.app.demo.deploys import Deploy
from heimdall.app.demo.incidents import Incident
from heimdall.app.demo.streams import Seen, Tape
from heimdall.durable import replacing

TRUTH_VERSION = 1

_NIGHTLY = (
    {"kind": "nightly_batch", "title": "sales report", "services": ["batch", "postgres"], "daily_utc": "02:00–02:27"},
    {"kind": "nightly_batch", "title": "search reindex", "services": ["search"], "daily_utc": "03:00–03:30"},
    {"kind": "nightly_batch", "title": "invoices", "services": ["batch"], "daily_utc": "04:00–04:18"},
)


def truth_of(tape: Tape, start_ns: int, until_ns: int) -> dict[str, Any]:
    """Everything that began before `until_ns`, as a JSON object; the future is not told.

    Times are ns since 1970 UTC. `lines` counts, per service, the lines the incident is to blame for so far;
    `observed_first_ns` and `observed_last_ns` bound them.
    """
    plan = tape.plan
    deploys = [deploy for deploy in plan.benign_deploys if start_ns <= deploy.at_ns < until_ns]
    return {
        "version": TRUTH_VERSION,
        "seed": plan.seed,
        "start_ns": start_ns,
        "origin_ns": plan.origin_ns,
        "until_ns": until_ns,
        "incidents": [
            _incident(incident, tape.seen.get(incident.number))
            for incident in plan.incidents
            if incident.start_ns < until_ns and incident.end_ns > start_ns
        ],
        "benign": [
            *({"kind": "deploy", **_deploy(deploy)} for deploy in deploys),
            *(
                {"kind": "campaign", **asdict(campaign)}
                for campaign in plan.campaigns
                if campaign.start_ns < until_ns and campaign.end_ns > start_ns
            ),
            *_NIGHTLY,
        ],
    }


def write_truth(path: Path, truth: dict[str, Any]) -> None:
    """Replace the file in one step, so that a reader never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, power_safe=False) as file:
        file.write(orjson.dumps(truth, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def read_truth(path: Path) -> dict[str, Any] | None:
    """What an earlier run wrote; None when there is nothing that can be continued."""
    try:
        truth = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return None
    return truth if isinstance(truth, dict) and truth.get("version") == TRUTH_VERSION else None


def seen_in(truth: dict[str, Any]) -> dict[int, Seen]:
    """What an earlier run had seen of each incident, so that counting goes on."""
    return {
        int(entry["number"]): Seen(
            int(entry["observed_first_ns"]), int(entry["observed_last_ns"]), Counter(entry["lines"])
        )
        for entry in truth["incidents"]
        if entry["observed_first_ns"] is not None
    }


def _incident(incident: Incident, seen: Seen | None) -> dict[str, Any]:
    return {
        "number": incident.number,
        "kind": incident.kind,
        "title": incident.title,
        "root": incident.root,
        "affected": incident.affected,
        "start_ns": incident.start_ns,
        "first_symptom_ns": incident.first_symptom_ns,
        "end_ns": incident.end_ns,
        "culprit": asdict(incident.culprit) if incident.culprit else None,
        "deploys": [_deploy(deploy) for deploy in incident.deploys],
        "addresses": [address for attack in incident.attacks for address in attack.addresses],
        "observed_first_ns": seen.first_ns if seen else None,
        "observed_last_ns": seen.last_ns if seen else None,
        "lines": dict(seen.lines.most_common()) if seen else {},
    }


def _deploy(deploy: Deploy) -> dict[str, Any]:
    return {
        "service": deploy.service,
        "version": deploy.version,
        "commit": deploy.commit,
        "at_ns": deploy.at_ns,
        "rollback": deploy.rollback,
    }
