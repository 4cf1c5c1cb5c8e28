"""Actions of the playbook → adapters."""

from __future__ import annotations

from collections.abc import Mapping

from heimdall.alerting.actions.cache_warm import open_cache_warm
from heimdall.alerting.actions.kubernetes.api import KubernetesApi, open_api
from heimdall.alerting.actions.kubernetes.rollback import open_rollback
from heimdall.alerting.actions.kubernetes.scale import open_scale
from heimdall.alerting.actions.kubernetes.switch import open_switch
from heimdall.alerting.actions.webhook import open_webhook
from heimdall.alerting.mitigation.action import Action
from heimdall.alerting.mitigation.playbook import ActionConfig, Playbook
from heimdall.clock import Clock
from heimdall.errors import Misconfigured
from heimdall.query.service import QueryService


def open_actions(
    playbook: Playbook, queries: QueryService, clock: Clock, environment: Mapping[str, str]
) -> dict[str, Action]:
    """By name. `environment`: where `env:NAME` and a pod's cluster are looked up.

    Raises:
        Misconfigured, QuerySyntaxError: names the action and the key.
    """
    wants_cluster = any(each.kind.startswith("kubernetes-") for each in playbook.actions)
    api = open_api(playbook.kubernetes, environment) if wants_cluster else None
    return {each.name: _open(each, api, queries, clock, environment) for each in playbook.actions}


def _open(
    config: ActionConfig,
    api: KubernetesApi | None,
    queries: QueryService,
    clock: Clock,
    environment: Mapping[str, str],
) -> Action:
    what, settings = f"action {config.name}", config.settings
    match config.kind, api:
        case "kubernetes-scale", KubernetesApi():
            return open_scale(settings, api, what)
        case "kubernetes-rollback", KubernetesApi():
            return open_rollback(settings, api, clock, what)
        case "kubernetes-switch", KubernetesApi():
            return open_switch(settings, api, what)
        case "cache-warm", _:
            return open_cache_warm(settings, config.name, queries, clock, what)
        case "webhook", _:
            return open_webhook(settings, config.name, clock, environment, what)
        case other, _:
            raise Misconfigured(f"{what}: there is no action of kind {other}")
