"""Runs of actions from alert to end, on an API server in memory: modes, guards, people, watching, lost answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from heimdall.alerting.actions.opening import open_actions
from heimdall.alerting.mitigation.journal import KeptIncidents
from heimdall.alerting.mitigation.mitigator import MAX_ATTEMPTS, Mitigator
from heimdall.alerting.mitigation.playbook import playbook_of
from heimdall.alerting.mitigation.run import Run, State
from heimdall.alerting.mitigation.signal import MeasuredSignals
from heimdall.alerting.mitigation.store import RunStore, Step, Untold
from heimdall.alerting.notifiers.wording import headline, summary
from heimdall.errors import Denied, HeimdallError, InvalidInput, Misconfigured, NotFound
from heimdall.model.batch import DEFAULT_TENANT
from recorded_cluster import RecordedCluster, recorded_cluster
from unit.alerting.signals import Desk

SCALE: dict[str, Any] = {
    "name": "more", "kind": "kubernetes-scale", "match": {"service": "payment"}, "namespace": "shop",
    "target": "deployment/{service}", "by": 2, "max": 9,
}  # fmt: skip
WATCH = {"for": "60s", "every": "10s"}


class Ward(Desk):
    """A desk with mitigation."""

    def __init__(self, path: Path, cluster: RecordedCluster, *actions: dict[str, Any], **given: Any) -> None:
        self.cluster = cluster
        self.given = {
            "kubernetes": {"url": cluster.url}, "action": list(actions or [SCALE]),
            "scope": {"namespaces": ["shop"], "kinds": ["deployment"]},
        } | given  # fmt: skip
        self.settings = given.pop("settings", {})
        super().__init__(path, **self.settings)

    def open(self) -> None:
        super().open()
        self.given.pop("settings", None)
        playbook = playbook_of(self.given)
        incidents = KeptIncidents(self.manager, self.clock)
        actions = open_actions(playbook, None, self.clock, {})  # type: ignore[arg-type]
        self.runs = RunStore(self.path / "actions.db")
        signals = MeasuredSignals(incidents, None)  # type: ignore[arg-type]
        self.mitigator = Mitigator(playbook, actions, self.runs, incidents, signals, self.clock, playbook.token)

    def close(self) -> None:
        self.mitigator.stop()
        self.store.close()

    def restart(self) -> None:
        self.close()
        self.open()

    def tick(self, seconds: float = 1.0, times: int = 1) -> None:
        for _ in range(times):
            self.clock.advance(seconds)
            self.mitigator.tick()

    def begin(self, service: str = "payment", **given: Any) -> Run:
        """An alert that goes on, and its run after two ticks."""
        self.fire("r", service, **given)
        self.tick(times=2)
        return self.run

    @property
    def run(self) -> Run:
        return self.runs.runs()[0]

    def steps(self) -> list[str]:
        return [step.kind for step in self.runs.steps(self.run.id)]

    def timeline(self) -> list[str]:
        return [each["text"] for each in self.store.timeline(self.run.incident) if each["kind"] == "action"]

    def replicas(self, name: str = "payment") -> int:
        return int(
            self.cluster.answer("GET", f"/apis/apps/v1/namespaces/shop/deployments/{name}", {}, None)["spec"][
                "replicas"
            ]
        )


def deployment(name: str, replicas: int = 3) -> dict[str, Any]:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "shop:1"}]}}
    return {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template},
    }  # fmt: skip


@pytest.fixture
def cluster() -> Iterator[RecordedCluster]:
    with recorded_cluster() as server:
        for name in ("payment", "cart", "bank", "shop"):
            server.answer("POST", "/apis/apps/v1/namespaces/shop/deployments", {}, deployment(name))
        yield server


@pytest.fixture
def ward(tmp_path: Path, cluster: RecordedCluster) -> Iterator[Callable[..., Ward]]:
    made: list[Ward] = []

    def make(*actions: dict[str, Any], **given: Any) -> Ward:
        made.append(Ward(tmp_path / str(len(made)), cluster, *actions, **given))
        return made[-1]

    yield make
    for each in made:
        each.close()


# -- modes and people -------------------------------------------------------------------------------------------------


def test_nothing_is_done_unless_the_file_says_so(ward: Callable[..., Ward]) -> None:
    own = ward()
    run = own.begin()
    assert run.state is State.DRY_RUN
    assert own.timeline() == [
        "dry run: would scale deployment/shop/payment from 3 to 5 replicas;"
        " undo: scale deployment/shop/payment back to 3 replicas"
    ]
    assert (own.replicas(), own.cluster.changes) == (3, [])


def test_what_is_approved_is_done_once(ward: Callable[..., Ward]) -> None:
    own = ward(SCALE | {"mode": "approve", "approvers": ["kim"]})
    run = own.begin()
    assert (run.state, own.replicas()) == (State.WAITING, 3)
    with pytest.raises(Denied, match="approved by kim"):
        own.mitigator.decisions.approve(DEFAULT_TENANT, run.id, "lee")
    own.mitigator.decisions.approve(DEFAULT_TENANT, run.id, "kim")
    with pytest.raises(InvalidInput, match="is approved and cannot be approved"):
        own.mitigator.decisions.approve(DEFAULT_TENANT, run.id, "kim")
    own.tick(times=3)
    assert (own.run.state, own.run.approved_by, own.replicas()) == (State.KEPT, "kim", 5)
    assert own.steps() == ["began", "waiting", "approved", "applying", "applied"]
    assert len(own.cluster.changes) == 1


def test_who_knows_of_the_incident_hears_once_that_an_action_waits(ward: Callable[..., Ward]) -> None:
    own = ward(SCALE | {"mode": "approve", "approvers": ["kim"]})
    run = own.begin()
    assert (own.events("pay"), own.events("ops")) == (["trigger", "approve"], [])
    asked = own.told("pay")[-1]
    assert asked.approval == "scale deployment/shop/payment from 3 to 5 replicas: waits 30m for approval of kim"
    assert summary(asked) == [asked.approval]
    assert headline(asked).startswith("Approval needed: P3 payment: ")
    own.restart()
    own.mitigator.tell()
    incidents = KeptIncidents(own.manager, own.clock)
    for number, step in enumerate(own.runs.steps(run.id)):
        incidents.note(Untold(number, run.incident, step))  # as after a crash before `told`
    assert own.events("pay") == ["trigger", "approve"]
    assert [text for text in own.timeline() if text.startswith("waiting: ")] == [f"waiting: {asked.approval}"]


def test_of_an_incident_that_is_over_nobody_is_asked(ward: Callable[..., Ward]) -> None:
    own = ward(SCALE | {"mode": "approve"})
    run = own.begin()
    own.manager.resolve(DEFAULT_TENANT, run.incident, "kim")
    step = Step(own.clock.time_ns(), "waiting", "too late")
    KeptIncidents(own.manager, own.clock).note(Untold(99, run.incident, step))
    assert own.events("pay") == ["trigger", "approve", "resolve"]
    assert "waiting: too late" in own.timeline()


def test_what_is_rejected_or_waits_too_long_is_not_done(ward: Callable[..., Ward]) -> None:
    own = ward(SCALE | {"mode": "approve", "approval_expires": "5m", "match": {"severity": "/P./"}})
    run = own.begin()
    own.mitigator.decisions.reject(DEFAULT_TENANT, run.id, "kim")
    own.fire("q", "cart")
    own.tick(times=2)
    waits = own.runs.runs("target = ?", ["deployment/shop/cart"])[0]
    assert (own.runs.get(run.id).state, waits.state) == (State.REJECTED, State.WAITING)
    own.tick(301)
    assert own.runs.get(waits.id).state is State.EXPIRED
    with pytest.raises(InvalidInput, match="is expired"):
        own.mitigator.decisions.approve(DEFAULT_TENANT, waits.id, "kim")
    with pytest.raises(NotFound):
        own.mitigator.decisions.approve(DEFAULT_TENANT, "0" * 16, "kim")
    assert own.cluster.changes == []


def test_an_approval_is_of_a_plan_and_not_of_what_became_of_it(ward: Callable[..., Ward]) -> None:
    own = ward(SCALE | {"mode": "approve"})
    run = own.begin()
    path = "/apis/apps/v1/namespaces/shop/deployments/payment/scale"
    own.cluster.answer("PUT", path, {}, {"metadata": {}, "spec": {"replicas": 6}})
    own.mitigator.decisions.approve(DEFAULT_TENANT, run.id, "kim")
    own.tick()
    assert (own.run.state, own.run.does) == (State.WAITING, "scale deployment/shop/payment from 6 to 8 replicas")
    own.mitigator.decisions.approve(DEFAULT_TENANT, run.id, "kim")
    own.tick()
    assert own.replicas() == 8


def test_an_alert_that_ends_or_is_silenced_first_needs_nothing(ward: Callable[..., Ward]) -> None:
    own = ward(SCALE | {"mode": "auto", "after": "2m"})
    run = own.begin()
    assert run.state is State.PENDING
    own.wait(400)
    own.tick()
    assert (own.run.state, own.cluster.changes) == (State.NEEDLESS, [])
    own.fire("r", "payment")
    own.tick(130)
    assert own.replicas() == 5, "it came again, and lasted"


def test_an_acknowledged_incident_is_with_somebody(ward: Callable[..., Ward]) -> None:
    own = ward(SCALE | {"mode": "auto", "after": "2m"})
    run = own.begin()
    own.manager.acknowledge(DEFAULT_TENANT, run.incident, "kim")
    own.tick(121)
    assert (own.run.state, own.cluster.changes) == (State.NEEDLESS, [])


def test_many_alerts_of_one_incident_are_one_run(ward: Callable[..., Ward]) -> None:
    own = ward(SCALE | {"mode": "auto"})
    own.manager.fired([own.firing(f"r{number}", "payment") for number in range(500)])
    own.tick(times=3)
    assert len(own.runs.runs()) == 1
    assert (own.replicas(), len(own.cluster.changes)) == (5, 1)


def test_a_storm_asks_people(ward: Callable[..., Ward]) -> None:
    own = ward(SCALE | {"mode": "auto"}, settings={"storm_incidents": 1})
    own.fire("q", "elsewhere")
    own.fire("p", "another")
    run = own.begin()
    assert (run.state, own.cluster.changes) == (State.WAITING, [])


# -- guards -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"scope": {}}, "namespace shop is not in scope.namespaces"),
        ({"scope": {"namespaces": ["shop"], "kinds": ["statefulset"]}}, "kind deployment is not in scope.kinds"),
        (
            {"scope": {"namespaces": ["shop"], "kinds": ["deployment"], "names": "/cart.*/"}},
            "does not match scope.names",
        ),
    ],
)
def test_what_is_out_of_scope_is_not_touched(ward: Callable[..., Ward], given: dict[str, Any], why: str) -> None:
    own = ward(SCALE | {"mode": "auto"}, **given)
    run = own.begin()
    assert (run.state, own.cluster.changes) == (State.BLOCKED, [])
    assert why in run.reason


ALL = SCALE | {"mode": "auto", "match": {"severity": "/P./"}, "cooldown": "0s"}


def states(own: Ward) -> dict[str, tuple[str, str]]:
    return {run.target.rpartition("/")[2]: (run.state.value, run.reason) for run in own.runs.runs()}


@pytest.mark.parametrize(
    ("action", "limits", "why"),
    [
        (ALL | {"per_hour": 2}, {}, "action more: 2 within an hour"),
        (ALL, {"per_hour": 2}, "all actions: 2 within an hour"),
        (ALL | {"watch": WATCH}, {"at_once": 2}, "2 targets are being changed or watched"),
    ],
)
def test_rates_hold_over_a_restart(
    ward: Callable[..., Ward], action: dict[str, Any], limits: dict[str, int], why: str
) -> None:
    own = ward(action, limits=limits)
    for service in ("payment", "cart"):
        own.fire(service, service)
        own.tick(times=2)
    own.restart()
    own.fire("bank", "bank")
    own.tick(times=2)
    state, reason = states(own)["bank"]
    assert (state, len(own.cluster.changes)) == ("blocked", 2)
    assert why in reason


def test_a_target_rests_between_two_actions(ward: Callable[..., Ward]) -> None:
    own = ward(SCALE | {"mode": "auto", "cooldown": "15m"}, settings={"group_window_s": 1})
    own.begin()
    own.wait(400)
    own.fire("r", "payment")
    own.tick(times=2)
    assert (own.run.state, len(own.cluster.changes)) == (State.BLOCKED, 1)
    assert "the cooldown is 15m" in own.run.reason


def test_a_target_that_is_watched_is_left_to_one_action(ward: Callable[..., Ward]) -> None:
    own = ward(SCALE | {"mode": "auto", "watch": WATCH, "cooldown": "0s"}, settings={"group_window_s": 1})
    own.begin()
    own.tick(2)
    own.fire("other", "payment")
    own.tick(times=2)
    found = {run.state for run in own.runs.runs()}
    assert found == {State.WATCHING, State.BLOCKED}


def test_the_kill_switch_stops_what_is_approved_and_what_would_be_undone(ward: Callable[..., Ward]) -> None:
    own = ward(ALL | {"watch": WATCH})
    run = own.begin(value=10.0)
    own.mitigator.decisions.stop_all("kim", "the cluster moves")
    own.restart()
    own.fire("cart", "cart")
    own.fire("r", "payment", value=100.0)
    own.tick(11, times=3)
    assert (own.replicas(), own.replicas("cart")) == (5, 3)
    assert own.runs.get(run.id).state is State.UNDOING
    own.mitigator.decisions.resume()
    own.tick(times=2)
    assert (own.replicas(), own.replicas("cart")) == (3, 5)


def test_a_person_undoes_while_everything_is_stopped(ward: Callable[..., Ward]) -> None:
    own = ward(SCALE | {"mode": "auto"})
    run = own.begin()
    own.mitigator.decisions.stop_all("kim", "")
    own.mitigator.decisions.undo(DEFAULT_TENANT, run.id, "kim")
    own.tick()
    assert (own.run.state, own.replicas()) == (State.UNDONE, 3)


# -- watching ---------------------------------------------------------------------------------------------------------


def test_a_signal_that_worsens_takes_it_back(ward: Callable[..., Ward]) -> None:
    own = ward(SCALE | {"mode": "auto", "watch": WATCH})
    own.begin(value=10.0)
    own.fire("r", "payment", value=14.0)
    own.tick(10)
    assert own.run.state is State.WATCHING
    own.fire("r", "payment", value=16.0)
    own.tick(10)
    assert (own.run.state, own.replicas()) == (State.WATCHING, 5), "once may be chance"
    own.tick(10, times=2)
    assert (own.run.state, own.replicas()) == (State.UNDONE, 3)
    assert own.steps()[-4:] == ["measured", "reverting", "undoing", "undone"]
    assert "reverting: worse: 16 after 10" in own.timeline()[-3]


def test_a_higher_severity_is_worse(ward: Callable[..., Ward]) -> None:
    own = ward(SCALE | {"mode": "auto", "watch": WATCH | {"confirm": 1}})
    own.begin(severity="P3")
    own.fire("r", "payment", severity="P1")
    own.tick(10, times=2)
    assert (own.run.state, own.replicas()) == (State.UNDONE, 3)


@pytest.mark.parametrize(("then", "state", "replicas"), [("keep", State.KEPT, 5), ("revert", State.UNDONE, 3)])
def test_what_has_recovered_is_kept_or_reverted(
    ward: Callable[..., Ward], then: str, state: State, replicas: int
) -> None:
    own = ward(SCALE | {"mode": "auto", "watch": {"for": "30m", "every": "10s", "on_recovery": then}})
    own.begin()
    own.wait(400)
    own.tick(times=2)
    assert (own.run.state, own.replicas()) == (state, replicas)


def test_what_neither_worsens_nor_recovers_ends_as_configured(ward: Callable[..., Ward]) -> None:
    own = ward(SCALE | {"mode": "auto", "watch": WATCH | {"at_end": "revert"}})
    own.begin()
    for _ in range(8):
        own.fire("r", "payment")
        own.tick(10)
    assert (own.run.state, own.replicas()) == (State.UNDONE, 3)


def test_what_somebody_else_has_changed_is_not_undone(ward: Callable[..., Ward]) -> None:
    own = ward(SCALE | {"mode": "auto"})
    run = own.begin()
    path = "/apis/apps/v1/namespaces/shop/deployments/payment/scale"
    own.cluster.answer("PUT", path, {}, {"metadata": {}, "spec": {"replicas": 8}})
    own.mitigator.decisions.undo(DEFAULT_TENANT, run.id, "kim")
    own.tick()
    assert (own.run.state, own.replicas()) == (State.UNDO_FAILED, 8)


# -- lost answers -----------------------------------------------------------------------------------------------------


def faulty(own: Ward, *faults: str | int | None) -> None:
    """What becomes of the next changes, one after the other."""
    left = list(faults)
    own.cluster.fault = lambda asked: left.pop(0) if asked.method in ("PUT", "PATCH") and left else None


def test_a_change_whose_answer_was_lost_is_found_and_not_repeated(ward: Callable[..., Ward]) -> None:
    own = ward(SCALE | {"mode": "auto"})
    faulty(own, "lost")
    own.begin()
    own.tick(times=3)
    assert (own.run.state, own.replicas(), len(own.cluster.changes)) == (State.KEPT, 5, 1)
    assert own.steps() == ["began", "planned", "applying", "unknown", "applied"]


def test_a_change_that_did_not_happen_is_made_after_the_target_was_read(ward: Callable[..., Ward]) -> None:
    own = ward(SCALE | {"mode": "auto"})
    faulty(own, 503, 503)
    own.begin()
    own.tick(10, times=4)
    assert (own.run.state, own.replicas(), own.run.attempts) == (State.KEPT, 5, 3)
    faulty(own, "lost")
    own.mitigator.decisions.undo(DEFAULT_TENANT, own.run.id, "kim")
    own.tick(10, times=3)
    assert (own.run.state, own.replicas()) == (State.UNDONE, 3)


def test_a_target_that_never_takes_it_is_given_up(ward: Callable[..., Ward]) -> None:
    own = ward(SCALE | {"mode": "auto"})
    faulty(own, *[503] * 20)
    own.begin()
    own.tick(60, times=10)
    assert (own.run.state, own.run.attempts, own.replicas()) == (State.FAILED, MAX_ATTEMPTS, 3)


def test_somebody_who_is_faster_is_left_alone(ward: Callable[..., Ward]) -> None:
    own = ward(SCALE | {"mode": "auto"})
    path = "/apis/apps/v1/namespaces/shop/deployments/payment/scale"

    def faster() -> None:
        own.cluster.between = lambda: None
        own.cluster.answer("PUT", path, {}, {"metadata": {}, "spec": {"replicas": 4}})

    own.cluster.between = faster
    own.begin()
    assert (own.run.state, own.replicas()) == (State.FAILED, 4)
    assert "has 4 replicas, not 3" in own.run.reason


def test_a_controller_that_writes_a_status_meanwhile_is_no_reason_to_give_up(ward: Callable[..., Ward]) -> None:
    own = ward(SCALE | {"mode": "auto"})
    left = [1, 1]

    def status() -> None:
        if left:
            left.pop()
            path = "/apis/apps/v1/namespaces/shop/deployments/payment"
            found = own.cluster.answer("GET", path, {}, None)
            own.cluster.answer("PUT", path, {}, found | {"status": {"readyReplicas": len(left)}})

    own.cluster.between = status
    own.begin()
    assert (own.run.state, own.replicas(), len(own.cluster.changes)) == (State.KEPT, 5, 3)


def test_a_node_that_ends_after_its_intent_reads_the_target_first(ward: Callable[..., Ward]) -> None:
    own = ward(SCALE | {"mode": "auto"})

    own.begin()
    run = own.run
    # as a crash between the change and the note of it leaves it
    run.state, run.applied_ns, run.ended_ns, run.reason = State.APPLYING, None, None, ""
    assert own.runs.change(run, Step(own.clock.time_ns(), "measured", ""))
    own.restart()
    own.tick(times=2)
    assert (own.run.state, own.replicas(), len(own.cluster.changes)) == (State.KEPT, 5, 1)
    assert len(own.timeline()) == len(set(own.timeline()))


def test_two_who_change_one_run_do_not_overwrite_each_other(ward: Callable[..., Ward]) -> None:
    own = ward(SCALE | {"mode": "approve"})
    run = own.begin()
    stale = own.runs.get(run.id)
    own.mitigator.decisions.reject(DEFAULT_TENANT, run.id, "kim")
    stale.state = State.APPROVED
    assert own.runs.change(stale, Step(own.clock.time_ns(), "measured", "")) is False
    assert own.run.state is State.REJECTED


# -- the file ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"action": [SCALE | {"match": {}}]}, "it would answer every alert"),
        ({"action": [SCALE | {"mode": "yes"}]}, "mode must be one of dry_run, approve, auto"),
        ({"action": [SCALE | {"kind": "scale"}]}, "kind must be one of"),
        ({"action": [SCALE, SCALE]}, "is there twice"),
        ({"action": [SCALE | {"max": 0}]}, "needs max"),
        ({"action": [SCALE | {"by": 0}]}, "by must be a whole number other than 0"),
        ({"action": [SCALE | {"factor": 2}]}, "and not both"),
        ({"action": [SCALE | {"target": "pod/x"}]}, "target must be one of deployment/NAME"),
        ({"action": [SCALE | {"target": "deployment/A_b"}]}, "is no name"),
        ({"action": [SCALE | {"replicas": 2}]}, "unknown key replicas"),
        ({"action": [SCALE | {"watch": {"query": "| stats"}}]}, "column"),
        ({"action": [SCALE | {"watch": {"every": "1h"}}]}, "for at least as long as every"),
        ({"limits": {"per_hour": 0}}, "per_hour must be a number"),
        ({"actions": []}, "unknown key actions"),
        ({"kubernetes": {}, "action": [SCALE]}, "needs url"),
        ({"kubernetes": {"url": "http://10.0.0.1"}, "action": [SCALE]}, "must be https://"),
    ],
)
def test_a_file_that_is_wrong_says_where(given: dict[str, Any], why: str) -> None:
    whole = {"kubernetes": {"url": "http://localhost:1"}} | given
    with pytest.raises(HeimdallError, match=why) as told:
        open_actions(playbook_of(whole), None, None, {})  # type: ignore[arg-type]
    assert isinstance(told.value, Misconfigured | InvalidInput)
