"""At least once, in order, under the same key; what is refused is given up and said so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from heimdall.alerting.delivery import Delivery
from heimdall.alerting.notification import Notification
from heimdall.errors import Refused, Unavailable
from unit.alerting.signals import Desk


class Channel:
    """A notifier that answers what the test says, and keeps what it took."""

    def __init__(self) -> None:
        self.answers: list[Exception | None] = []
        self.asked: list[str] = []
        self.took: list[Notification] = []

    def send(self, notification: Notification) -> None:
        self.asked.append(notification.key)
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            raise answer
        self.took.append(notification)

    def close(self) -> None:
        pass


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.store.close()


def test_it_is_tried_again_under_the_same_key_and_ever_less_often(desk: Desk) -> None:
    channel = Channel()
    channel.answers = [Unavailable("down")] * 3
    delivery = Delivery(desk.store, {"ops": channel}, desk.clock)
    desk.fire("r", "a")
    waits = []
    for _ in range(20):
        if delivery.send_due("ops"):
            break
        waits.append(len(channel.asked))
        desk.clock.advance(1)
    assert len(set(channel.asked)) == 1
    assert waits == [1, 2, 2, 3, 3, 3, 3], "after 1, 2 and 4 s"
    assert len(channel.took) == 1
    assert desk.store.waiting() == 0


def test_what_was_not_confirmed_before_a_crash_is_sent_again(desk: Desk) -> None:
    class Crash(BaseException):
        """The process is gone: nothing after this runs."""

    channel = Channel()
    channel.answers = [Crash()]  # type: ignore[list-item]
    desk.fire("r", "a")
    with pytest.raises(Crash):
        Delivery(desk.store, {"ops": channel}, desk.clock).send_due("ops")
    desk.restart()
    assert Delivery(desk.store, {"ops": channel}, desk.clock).send_due("ops") == 1
    assert channel.asked[0] == channel.asked[1]


def test_an_incident_is_told_in_order_and_waits_for_no_other(desk: Desk) -> None:
    channel = Channel()
    delivery = Delivery(desk.store, {"ops": channel}, desk.clock)
    desk.fire("r1", "a")
    desk.fire("r2", "a", severity="P1")
    desk.fire("r3", "b")
    channel.answers = [Unavailable("down")]
    delivery.send_due("ops")
    assert [(n.event.value, n.services) for n in channel.took] == [("trigger", ["b"])]
    desk.clock.advance(2)
    delivery.send_due("ops")
    delivery.send_due("ops")
    assert [n.event.value for n in channel.took if n.services == ["a"]] == ["trigger", "update"]


def test_what_is_refused_is_given_up_and_stands_in_the_timeline(desk: Desk) -> None:
    channel = Channel()
    channel.answers = [Refused("410 gone")]
    desk.fire("r", "a")
    Delivery(desk.store, {"ops": channel}, desk.clock).send_due("ops")
    (incident,) = desk.store.incidents()
    assert desk.store.timeline(incident.id)[-1]["text"] == "not told by ops: 410 gone"
    assert [row["state"] for row in desk.store.notifications(incident.id)] == ["failed"]


def test_what_is_a_day_old_is_given_up(desk: Desk) -> None:
    channel = Channel()
    channel.answers = [Unavailable("down")] * 2
    desk.fire("r", "a")
    delivery = Delivery(desk.store, {"ops": channel}, desk.clock)
    delivery.send_due("ops")
    desk.clock.advance(25 * 3600)
    delivery.send_due("ops")
    assert desk.store.waiting() == 0
