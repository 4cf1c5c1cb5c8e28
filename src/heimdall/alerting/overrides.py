"""Who is on call now: the routing file's schedules, and the overrides that people make while the node runs."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from heimdall.alerting.oncall import MAX_SPAN_NS, Duty, Override, Roster
from heimdall.alerting.store import AlertStore
from heimdall.clock import Clock
from heimdall.errors import InvalidInput, NotFound
from heimdall.insight.rules.firing import firing_id


class OnCall:
    """Satisfies `WhoIsOnCall`. Safe from several threads."""

    def __init__(self, store: AlertStore, roster: Roster, clock: Clock) -> None:
        self.roster = roster
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._overrides = store.overrides()

    def user_of(self, schedule: str, at_ns: int) -> str:
        return self.roster.schedule(schedule).user_at(at_ns, self.overrides(schedule))[0]

    def channels_of(self, users: Iterable[str]) -> list[str]:
        return list(dict.fromkeys(channel for user in users for channel in self.roster.users.get(user, ())))

    def duties(self, schedule: str, start_ns: int, end_ns: int) -> list[Duty]:
        """Raises NotFound, InvalidInput."""
        return self.roster.schedule(schedule).duties(start_ns, end_ns, self.overrides(schedule))

    def overrides(self, schedule: str | None = None) -> list[Override]:
        """Those made here, the newest first; the routing file has its own."""
        return [each for each in self._overrides if schedule in (None, each.schedule)]

    def override(self, schedule: str, user: str, start_ns: int, end_ns: int, comment: str, author: str) -> Override:
        """Put `user` on call for a while, above what was made before. Raises NotFound, InvalidInput."""
        self.roster.schedule(schedule)
        if user not in self.roster.users:
            known = ", ".join(sorted(self.roster.users)) or "none; they stand in alerting.file"
            raise NotFound(f"there is no user {user[:60]}; users are {known}")
        if not 0 < end_ns - start_ns <= MAX_SPAN_NS:
            raise InvalidInput("an override must end after it begins, and within 92 days")
        made = Override(
            schedule=schedule, user=user, start_ns=start_ns, end_ns=end_ns, comment=comment, author=author,
            id=firing_id("override", schedule, user, start_ns, end_ns, self._clock.time_ns())[:16],
        )  # fmt: skip
        with self._lock:
            self._store.put_override(made)
            self._overrides = self._store.overrides()
        return made

    def end_override(self, override_id: str) -> None:
        """Raises NotFound."""
        with self._lock:
            if not self._store.delete_override(override_id):
                raise NotFound(f"there is no override {override_id[:60]}")
            self._overrides = self._store.overrides()
