"""The shop as it is deployed: services, what they are written in, and where their instances run."""

from __future__ import annotations

from dataclasses import dataclass

from heimdall.app.demo.chance import IntArray

ENVIRONMENT = "prod"

REGIONS: tuple[str, ...] = ("eu-west-1", "us-east-1")
REGION_SHARE: tuple[float, ...] = (0.62, 0.38)
"""Where the customers are."""
REGION_UTC_OFFSET_H: tuple[int, ...] = (1, -5)
"""Shifts the daily rhythm; the shop does not observe summer time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    name: str
    writer: str
    """Module in `formats/` that knows how this service spells a line."""
    instances: tuple[int, int]
    """How many run in each of `REGIONS`."""
    version: str
    memory_mib: int
    """Limit of the container."""
    memory_share: float = 0.45
    """Part of the limit in use on a quiet day."""
    runtime: str = ""
    """`jvm` services also report garbage collections."""


@dataclass(frozen=True, slots=True)
class Instance:
    service: str
    name: str
    region: int
    rank: int
    """Place among all instances of its service; the order of a rolling deploy."""


SERVICES: tuple[Service, ...] = (
    Service(name="gateway", writer="combined", instances=(2, 2), version="1.27.2", memory_mib=512, memory_share=0.2),
    Service(name="web", writer="pino", instances=(2, 2), version="v8.31.0", memory_mib=1024),
    Service(name="auth", writer="python_logging", instances=(2, 1), version="v3.9.4", memory_mib=768),
    Service(name="catalogue", writer="logfmt", instances=(2, 1), version="v2.13.6", memory_mib=1024, memory_share=0.3),
    Service(name="search", writer="ecs", instances=(2, 1), version="v5.2.1", memory_mib=4096, runtime="jvm"),
    Service(name="cart", writer="zap", instances=(2, 1), version="v1.48.0", memory_mib=512, memory_share=0.3),
    Service(name="checkout", writer="log4j", instances=(2, 1), version="v4.17.2", memory_mib=2048, runtime="jvm"),
    Service(name="payment", writer="spring", instances=(2, 1), version="v6.0.8", memory_mib=2048, runtime="jvm"),
    Service(name="order", writer="structlog", instances=(2, 1), version="v3.22.0", memory_mib=1024),
    Service(name="inventory", writer="klog", instances=(1, 1), version="v0.94.1", memory_mib=512, memory_share=0.25),
    Service(name="shipping", writer="python_logging", instances=(1, 1), version="v2.5.0", memory_mib=512),
    Service(name="notification", writer="node_text", instances=(1, 1), version="v1.12.3", memory_mib=512),
    Service(name="recommendation", writer="python_json", instances=(1, 1), version="v0.37.0", memory_mib=3072),
    Service(name="postgres", writer="syslog_5424", instances=(1, 1), version="16.4", memory_mib=16384),
    Service(name="redis", writer="syslog_3164", instances=(1, 1), version="7.4.1", memory_mib=4096),
    Service(name="kafka", writer="kafka_log4j", instances=(2, 1), version="3.8.0", memory_mib=6144, runtime="jvm"),
    Service(
        name="batch", writer="container_json", instances=(1, 0), version="v1.7.0", memory_mib=2048, memory_share=0.2
    ),
    Service(name="kubelet", writer="container_cri", instances=(2, 1), version="v1.31.2", memory_mib=512),
)

SERVICE_NUMBER: dict[str, int] = {service.name: number for number, service in enumerate(SERVICES)}


def _place(service: Service) -> tuple[Instance, ...]:
    placed: list[Instance] = []
    for region, count in enumerate(service.instances):
        for place in range(count):
            name = f"{service.name}-{REGIONS[region][:2]}-{place + 1}"
            placed.append(Instance(service.name, name, region, len(placed)))
    return tuple(placed)


INSTANCES: dict[str, tuple[Instance, ...]] = {service.name: _place(service) for service in SERVICES}

PRIMARY_ONLY = frozenset({"postgres"})
"""Every call goes to the first instance, wherever it comes from: the other one is a standby."""


def choose_instance(service: str, region: IntArray, luck: IntArray) -> IntArray:
    """Rank of the instance that serves each call: round robin by `luck` among those in the caller's region."""
    if service in PRIMARY_ONLY:
        return region * 0
    european, american = SERVICES[SERVICE_NUMBER[service]].instances
    if american == 0:
        return luck % european
    chosen: IntArray = (1 - region) * (luck % european) + region * (european + luck % american)
    return chosen
