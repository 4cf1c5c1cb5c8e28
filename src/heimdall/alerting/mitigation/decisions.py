"""What people do to runs: let them happen, keep them from it, take them back, stop everything."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping

from heimdall.alerting.mitigation.playbook import ActionConfig
from heimdall.alerting.mitigation.run import UNDOABLE, Run, State
from heimdall.alerting.mitigation.store import RunStore, Step, Stop
from heimdall.clock import Clock
from heimdall.errors import Denied, InvalidInput, NotFound, Unavailable
from heimdall.model.batch import TenantId


class Decisions:
    """Safe from any thread: a run is changed by compare-and-set."""

    def __init__(
        self,
        store: RunStore,
        configs: Mapping[str, ActionConfig],
        clock: Clock,
        token: str,
        decided: Callable[[], None],
    ) -> None:
        """`token`: what each has to bring; empty = nothing. `decided` is called after each."""
        self._store = store
        self._configs = configs
        self._clock = clock
        self._token = token
        self._decided = decided

    def authorise(self, token: str) -> None:
        """Raises Denied: the file wants a token, and this is not it."""
        if self._token and not hmac.compare_digest(self._token.encode(), token.encode()):
            raise Denied("this needs the token of [approval] in alerting.actions: send Authorization: Bearer <token>")

    def approve(self, tenant: TenantId, run_id: str, author: str) -> Run:
        """Raises NotFound; InvalidInput: it does not wait; Denied: not one of its approvers."""

        def decide(run: Run) -> Step:
            _expect(run, (State.WAITING,), "approved")
            config = self._configs.get(run.action)
            if config is not None and config.approvers and author not in config.approvers:
                raise Denied(f"{run.action} is approved by {', '.join(config.approvers)}")
            if self._clock.time_ns() >= (run.approve_until_ns or 0):
                raise InvalidInput(f"action {run.id} has waited too long")
            run.state, run.approved_by = State.APPROVED, author
            return Step(self._clock.time_ns(), "approved", run.does, author)

        return self._decide(tenant, run_id, decide)

    def reject(self, tenant: TenantId, run_id: str, author: str) -> Run:
        """Raises NotFound; InvalidInput: it does not wait."""

        def decide(run: Run) -> Step:
            _expect(run, (State.WAITING, State.PENDING, State.APPROVED), "rejected")
            run.state, run.reason, run.ended_ns = State.REJECTED, f"rejected by {author}", self._clock.time_ns()
            return Step(self._clock.time_ns(), "rejected", run.does, author)

        return self._decide(tenant, run_id, decide)

    def undo(self, tenant: TenantId, run_id: str, author: str) -> Run:
        """Also while everything is stopped. Raises NotFound; InvalidInput: there is nothing to take back."""

        def decide(run: Run) -> Step:
            _expect(run, UNDOABLE, "undone")
            if not run.undoes:
                raise InvalidInput(f"action {run.id} cannot be undone")
            run.state, run.undo_by, run.ended_ns = State.UNDOING, author, None
            run.undo_attempts, run.undo_ns = 0, None
            return Step(self._clock.time_ns(), "reverting", run.undoes, author)

        return self._decide(tenant, run_id, decide)

    def _decide(self, tenant: TenantId, run_id: str, decide: Callable[[Run], Step]) -> Run:
        for _ in range(10):
            run = self._store.get(run_id)
            if run is None or run.tenant != tenant:
                raise NotFound(f"there is no action {run_id[:60]}")
            step = decide(run)
            run.due_ns = min(run.due_ns, self._clock.time_ns())
            if self._store.change(run, step):
                self._decided()
                return run
        raise Unavailable(f"action {run_id} is being changed; try again")

    def stop_all(self, author: str, reason: str) -> Stop:
        """The kill switch: no target is changed any more, and nothing is undone by itself, over restarts too."""
        stop = Stop(author, self._clock.time_ns(), reason)
        self._store.put_stop(stop)
        return stop

    def resume(self) -> None:
        self._store.put_stop(None)
        self._decided()


def _expect(run: Run, states: tuple[State, ...], what: str) -> None:
    if run.state not in states:
        raise InvalidInput(f"action {run.id} is {run.state.value.replace('_', ' ')} and cannot be {what}")
