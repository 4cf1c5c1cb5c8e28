"""One search instance loses memory for hours: longer and longer pauses, then out of memory, killed, restarted."""

from __future__ import annotations

import numpy as np

from heimdall.app.demo.deploys import restart
from heimdall.app.demo.effects import Curve, Effect, Outcome
from heimdall.app.demo.incidents.incident import Culprit, Incident
from heimdall.app.demo.lines import Draw, Routine
from heimdall.app.demo.rhythm import SECOND_NS
from heimdall.app.demo.sayings import Episode, Saying
from heimdall.app.demo.topology import INSTANCES, SERVICE_NUMBER, SERVICES
from heimdall.app.demo.vitals import VitalChange

_STACK = (
    "java.lang.OutOfMemoryError: Java heap space\n"
    "\tat java.base/java.util.Arrays.copyOf(Arrays.java:3537)\n"
    "\tat shop.search.cache.FacetCache.grow(FacetCache.java:204)\n"
    "\tat shop.search.cache.FacetCache.put(FacetCache.java:131)\n"
    "\tat shop.search.QueryService.answer(QueryService.java:88)\n"
    "\tat java.base/java.lang.Thread.run(Thread.java:1583)"
)
_DOWN_NS = 55 * SECOND_NS


def plan(number: int, start_ns: int, duration_ns: int, rng: np.random.Generator) -> Incident:
    service = "search"
    definition = SERVICES[SERVICE_NUMBER[service]]
    rank = int(rng.integers(2))
    end = start_ns + duration_ns
    killed = end - _DOWN_NS

    def at(share: float) -> int:
        return start_ns + int(share * (killed - start_ns))

    full = 1.02 - definition.memory_share
    full_collections = Routine(
        period_s=max(duration_ns / SECOND_NS / 900, 5), level="warn", logger="jvm.gc", ranks=(rank,), jitter=0.5,
        message="to-space exhausted, full collection took {ms} ms", draws=(Draw("ms", 700, 4_200),),
    )  # fmt: skip
    sayings = (
        Saying(
            service=service, rank=rank, time_ns=killed - 600_000_000, level="fatal", logger="shop.search.Main",
            message="uncaught error in thread search-7: Java heap space", stack=_STACK, blame=number,
        ),
        Saying(
            service="kubelet", rank=0, time_ns=killed, level="warn", logger="kuberuntime_manager.go:1102", blame=number,
            message=f"Container {service} of pod {INSTANCES[service][rank].name} terminated: OOMKilled, exit code 137",
        ),
        Saying(
            service="kubelet", rank=0, time_ns=killed + 8 * SECOND_NS, level="error", logger="pod_workers.go:1301",
            message=f"Back-off restarting failed container {service} of pod {INSTANCES[service][rank].name}",
            blame=number,
        ),
        *restart(
            service, rank, killed + _DOWN_NS - 6 * SECOND_NS, definition.version, "0b77e1a4", blame=number,
            stopping=False,
        ),
    )  # fmt: skip
    return Incident(
        number=number,
        kind="memory_leak",
        title=f"{INSTANCES[service][rank].name} leaks memory until it is killed",
        root=service,
        affected=(service, "web", "gateway", "kubelet"),
        start_ns=start_ns,
        first_symptom_ns=at(0.25),
        end_ns=end,
        culprit=Culprit(service, "Java heap space"),
        effects=(
            Effect(
                incident=number, service=service, instance=rank, start_ns=start_ns, end_ns=killed,
                slow=Curve(((at(0.6), 1.0), (at(0.85), 2.0), (at(0.95), 5.0), (killed, 14.0))),
            ),
            Effect(
                incident=number, service=service, instance=rank, start_ns=killed, end_ns=end,
                outcome=Outcome.UNAVAILABLE, fail_after_ms=1.0, rate=Curve(((killed, 1.0), (end, 1.0))),
            ),
        ),
        changes=(
            VitalChange(
                incident=number, service=service, instance=rank, figure="memory", start_ns=start_ns, end_ns=killed,
                added=Curve(((start_ns, 0.0), (killed, full))),
            ),
            VitalChange(
                incident=number, service=service, instance=rank, figure="cpu", start_ns=at(0.7), end_ns=killed,
                added=Curve(((at(0.7), 0.0), (killed, 0.5))),
            ),
        ),
        sayings=sayings,
        episodes=(Episode(service, full_collections, at(0.9), killed, number),),
    )  # fmt: skip
