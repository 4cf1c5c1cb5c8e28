"""Reports become alerts, alerts incidents, incidents notifications: few, and none twice."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from heimdall.alerting.alert import Matchers
from heimdall.alerting.routing import routing_of
from heimdall.alerting.store import OWNED as STORED_OWNED
from heimdall.errors import HeimdallError, InvalidInput, NotFound
from heimdall.model.batch import DEFAULT_TENANT
from unit.alerting.signals import ROUTING, Desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.store.close()


def test_the_same_thing_again_is_the_same_alert(desk: Desk) -> None:
    for _ in range(5):
        desk.fire("r", "a", records=3)
        desk.clock.advance(1)
    (alert,) = desk.store.alerts()
    assert (alert.records, alert.state.value) == (15, "firing")
    assert desk.events("ops") == ["trigger"]


def test_a_report_that_comes_again_after_a_crash_changes_nothing(desk: Desk) -> None:
    made = desk.fire("r", "a", records=3)
    desk.restart()
    desk.manager.fired([made])
    assert [alert.records for alert in desk.store.alerts()] == [3]
    assert desk.events("ops") == ["trigger"]


def test_alerts_of_one_service_are_one_incident(desk: Desk) -> None:
    desk.manager.fired([desk.firing(f"r{number}", "a") for number in range(10)])
    (incident,) = desk.store.incidents()
    assert (incident.alerts, incident.open_alerts) == (10, 10)
    assert desk.events("ops") == ["trigger"]


def test_one_rule_over_many_services_is_one_incident(desk: Desk) -> None:
    desk.manager.fired([desk.firing("r", f"s{number}") for number in range(10)])
    assert len(desk.store.incidents()) == 1


def test_different_causes_are_different_incidents(desk: Desk) -> None:
    desk.fire("r1", "a")
    desk.fire("r2", "b")
    assert len(desk.store.incidents()) == 2


def test_an_old_incident_takes_in_nothing_new(desk: Desk) -> None:
    desk.fire("r1", "a", quiet_after_ns=10**18)
    desk.clock.advance(601)
    desk.fire("r2", "a")
    assert len(desk.store.incidents()) == 2


def test_a_burst_of_ten_thousand_alerts_is_told_in_a_hundredth_of_them(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    firings = [desk.firing(f"rule-{number}", f"service-{number}") for number in range(10_000)]
    for first in range(0, len(firings), 2_500):
        desk.manager.fired(firings[first : first + 2_500])
    assert len(desk.store.alerts()) == 10_000
    assert len(desk.told("ops")) <= 100
    assert len(desk.store.incidents()) == 21
    storm = next(incident for incident in desk.store.incidents() if incident.storm)
    assert storm.alerts == 9_980
    assert len(desk.store.timeline(storm.id)) <= 500
    desk.store.close()


def test_an_alert_that_is_quiet_is_over_and_so_is_its_incident(desk: Desk) -> None:
    desk.fire("r", "a")
    desk.wait(299)
    assert desk.store.incidents()[0].state.value == "firing"
    desk.wait(2)
    assert [alert.state.value for alert in desk.store.alerts()] == ["resolved"]
    assert desk.store.incidents()[0].state.value == "resolved"
    assert desk.events("ops") == ["trigger", "resolve"]


def test_an_absence_lasts_until_it_is_over(desk: Desk) -> None:
    desk.fire("gone", "a", lasting=True)
    desk.wait(10_000)
    assert desk.store.alerts()[0].state.value == "firing"
    desk.fire("gone", "a", resolved=True)
    assert desk.store.alerts()[0].state.value == "resolved"
    assert desk.events("ops")[-1] == "resolve"


def test_flapping_is_told_less(desk: Desk) -> None:
    for _ in range(6):
        desk.fire("r", "a", quiet_after_ns=60 * 10**9)
        desk.wait(61)
    (alert,) = desk.store.alerts()
    assert alert.flapping
    assert alert.state.value == "firing", "a flapping alert has to be quiet four times as long"
    assert desk.events("ops") == ["trigger", "resolve"] * 3 + ["trigger"]
    assert desk.told("ops")[-1].flapping
    desk.wait(300)
    assert desk.store.alerts()[0].state.value == "resolved"


def test_further_alerts_wait_for_their_turn_and_worse_ones_do_not(desk: Desk) -> None:
    desk.fire("r1", "a")
    desk.fire("r2", "a")
    assert desk.events("ops") == ["trigger"]
    desk.fire("r3", "a", severity="P1")
    assert desk.events("ops") == ["trigger", "update"]
    assert desk.told("ops")[-1].severity == "P1"
    desk.fire("r4", "a", quiet_after_ns=10**18)
    desk.wait(299)
    assert len(desk.events("ops")) == 2
    desk.wait(2)
    assert desk.events("ops")[2:3] == ["update"]


def test_nobody_answers_so_it_is_told_again(desk: Desk) -> None:
    desk.fire("r", "a", quiet_after_ns=10**18)
    desk.wait(4 * 3600 + 1)
    desk.wait(1)
    assert desk.events("ops") == ["trigger", "update"]


def test_an_acknowledged_incident_is_told_no_more_unless_it_gets_worse(desk: Desk) -> None:
    desk.fire("r1", "a", quiet_after_ns=10**18)
    (incident,) = desk.store.incidents()
    desk.manager.acknowledge(DEFAULT_TENANT, incident.id, "kim")
    desk.wait(5 * 3600)
    assert desk.events("ops") == ["trigger", "acknowledge"]
    desk.fire("r1", "a", severity="P3")
    assert len(desk.events("ops")) == 2
    kinds = [entry["kind"] for entry in desk.store.timeline(incident.id)]
    assert kinds == ["opened", "notified", "acknowledged", "notified"]


def test_worse_than_what_was_acknowledged_is_told(desk: Desk) -> None:
    desk.fire("r1", "a")
    desk.manager.acknowledge(DEFAULT_TENANT, desk.store.incidents()[0].id, "kim")
    desk.fire("r2", "a", severity="P1")
    assert desk.events("ops") == ["trigger", "acknowledge", "update"]


def test_routes_are_a_tree(desk: Desk) -> None:
    desk.fire("r1", "payment")
    desk.fire("r2", "cart")
    assert [len(desk.told(name)) for name in ("ops", "pay")] == [1, 1]


def test_a_silence_keeps_but_does_not_tell(desk: Desk) -> None:
    now_ns = desk.clock.time_ns()
    silence = desk.manager.silence(Matchers(terms=(("service", "/a|b/"),)), now_ns, now_ns + 60 * 10**9, "work", "kim")
    desk.fire("r1", "a", quiet_after_ns=10**18)
    desk.fire("r2", "ab")
    assert [n.services for n in desk.told("ops")] == [["ab"]]
    desk.restart()
    assert [each.id for each in desk.manager.silences()] == [silence.id]
    desk.wait(61)
    assert [n.services for n in desk.told("ops") if n.event == "trigger"] == [["ab"], ["a"]], "told when it ends"


def test_an_inhibited_alert_is_not_told_while_the_other_lasts(tmp_path: Path) -> None:
    inhibit = [{"source": {"rule": "down"}, "target": {"severity": "P3"}, "equal": ["region"]}]
    desk = Desk(tmp_path, ROUTING | {"inhibit": inhibit})
    desk.fire("down", "x", severity="P1", labels={"region": "eu"})
    desk.fire("slow", "y", labels={"region": "eu"}, quiet_after_ns=10**18)
    desk.fire("slow2", "z", labels={"region": "us"})
    assert sorted(n.title for n in desk.told("ops")) == ["down of x", "slow2 of z"]
    desk.wait(301)
    desk.wait(1)
    assert "slow of y" in [n.title for n in desk.told("ops")]
    desk.store.close()


def test_history_is_kept_and_nobody_is_told(desk: Desk) -> None:
    week_ago = desk.clock.time_ns() - 7 * 86_400 * 10**9
    desk.manager.fired([desk.firing(f"r{n}", "a", started_ns=week_ago, detected_ns=week_ago) for n in range(50)])
    assert {alert.state.value for alert in desk.store.alerts()} == {"resolved"}
    assert (desk.told("ops"), desk.store.incidents()) == ([], [])


def test_a_restart_goes_on_where_it_was(desk: Desk) -> None:
    desk.fire("r1", "a")
    desk.restart()
    desk.fire("r2", "a")
    assert [incident.alerts for incident in desk.store.incidents()] == [2]
    desk.wait(301)
    assert desk.events("ops")[-1] == "resolve"


def test_what_could_not_be_written_did_not_happen(desk: Desk, monkeypatch: Any) -> None:
    def full(alerts: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(desk.store, "put_alerts", full)
    made = desk.firing("r", "a")
    with pytest.raises(sqlite3.OperationalError):
        desk.manager.fired([made])
    monkeypatch.undo()
    assert (desk.store.alerts(), desk.store.incidents()) == ([], [])
    desk.manager.fired([made])
    assert (len(desk.store.alerts()), desk.events("ops")) == (1, ["trigger"])


def test_what_is_not_there_cannot_be_acknowledged(desk: Desk) -> None:
    with pytest.raises(NotFound):
        desk.manager.acknowledge(DEFAULT_TENANT, "0" * 16, "kim")
    desk.fire("r", "a")
    (incident,) = desk.store.incidents()
    desk.manager.resolve(DEFAULT_TENANT, incident.id, "kim")
    with pytest.raises(InvalidInput, match="is over"):
        desk.manager.acknowledge(DEFAULT_TENANT, incident.id, "kim")


@pytest.mark.parametrize("terms", [(), (("service", ""),), (("payment", ""), ("owner", ""))])
def test_a_silence_of_everything_is_refused(desk: Desk, terms: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(InvalidInput, match="needs matchers"):
        desk.manager.silence(Matchers(terms=terms), 0, 1, "", "")


def test_a_silence_may_want_a_label_to_be_missing_beside_another(desk: Desk) -> None:
    desk.manager.silence(Matchers(terms=(("service", "a"), ("owner", ""))), 0, 1, "", "")


def test_a_notification_leads_to_the_page_of_its_incident(tmp_path: Path) -> None:
    desk = Desk(tmp_path, url="https://heimdall.example/")
    desk.fire("r", "a")
    (told,) = desk.told("ops")
    desk.store.close()
    assert told.url == f"https://heimdall.example/alerts/{told.incident}"


OWNED: dict[str, Any] = ROUTING | {
    "owner": [
        {"name": "team-pay", "services": ["payment", "/ledger-.*/"]},
        {"name": "team-all", "services": ["/.*/"]},
    ],
    "route": {"channels": ["ops"], "routes": [{"match": {"owner": "team-pay"}, "channels": ["pay"]}]},
}


def test_an_alert_is_its_services_owners(tmp_path: Path) -> None:
    desk = Desk(tmp_path, OWNED)
    for number, service in enumerate(("payment", "ledger-eu", "web", "")):
        desk.fire(f"r{number}", service)
    owners = {alert.service: alert.labels["owner"] for alert in desk.store.alerts() if alert.service}
    assert owners == {"payment": "team-pay", "ledger-eu": "team-pay", "web": "team-all"}
    assert [told.owners for told in desk.told("pay")] == [["team-pay"], ["team-pay"]]
    assert [incident.title for incident in desk.store.incidents(STORED_OWNED, ["team-pay"])] == [
        "r1 of ledger-eu", "r0 of payment",
    ]  # fmt: skip
    desk.restart()
    assert [incident.owners for incident in desk.store.incidents(STORED_OWNED, ["team-pay"])] == [["team-pay"]] * 2


def test_a_templates_own_owner_stands_before_its_services(tmp_path: Path) -> None:
    desk = Desk(tmp_path, OWNED, template_owner=lambda _, template_id: "ann" if template_id == 7 else "")
    desk.fire("r1", "payment", template_id=7)
    desk.fire("r2", "payment", template_id=8)
    desk.fire("r3", "payment", template_id=7, labels={"owner": "who the record says"})
    assert {a.rule: a.labels["owner"] for a in desk.store.alerts()} == {
        "r1": "ann", "r2": "team-pay", "r3": "who the record says",
    }  # fmt: skip
    (incident,) = desk.store.incidents()
    assert incident.owners == ["ann", "team-pay", "who the record says"]


@pytest.mark.parametrize(
    ("owner", "reason"),
    [
        ({"services": ["a"]}, "needs a name"),
        ({"name": "x"}, "owner x: services must be a list of services"),
        ({"name": "x", "services": "payment"}, "owner x: services must be a list"),
        ({"name": "x", "services": [3]}, "owner x: matcher service must be text"),
        ({"name": "x", "services": ["/(/"]}, "owner x: matcher service"),
        ({"name": "x", "service": ["a"]}, "owner: unknown key service"),
    ],
)
def test_an_owner_that_says_nothing_is_named(owner: dict[str, Any], reason: str) -> None:
    with pytest.raises(HeimdallError, match=re.escape(reason)):
        routing_of(ROUTING | {"owner": [owner]})
