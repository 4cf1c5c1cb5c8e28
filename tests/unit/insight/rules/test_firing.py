"""What a firing says of itself."""

from __future__ import annotations

from dataclasses import replace

from heimdall.insight.rules.firing import Firing
from heimdall.model.batch import DEFAULT_TENANT

FIRING = Firing(
    id="1", tenant=DEFAULT_TENANT, rule="errors", name="Errors", severity="P2", labels=(("service", "payment"),),
    service="payment", template_id=7, statement="12 errors", value=12.0, started_ns=0, detected_ns=1, records=12,
    examples=(), query="level>=error", quiet_after_ns=60,
)  # fmt: skip


def test_the_key_is_that_of_alerts_kept_by_earlier_versions() -> None:
    # sha256 of tenant, rule and labels: another one would open every alert on disk a second time.
    assert FIRING.key == "999a2789988aad684cf4"


def test_firings_of_one_rule_and_key_have_one_key_and_others_another() -> None:
    assert replace(FIRING, id="2", value=99.0, resolved=True).key == FIRING.key
    assert replace(FIRING, labels=(("service", "checkout"),)).key != FIRING.key
