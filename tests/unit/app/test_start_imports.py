"""A start does not pay for what it does not need: half a second for pandas, which is loaded once the node is ready, and
the languages of nodes that nobody asks in GraphQL or PromQL."""

from __future__ import annotations

import subprocess
import sys


def test_what_a_start_does_not_need_is_not_imported() -> None:
    asked = (
        "import sys, heimdall.app.wiring; "
        "print([name for name in sys.modules if name.split('.')[0] in ('graphql', 'pandas') or 'promql.' in name])"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "['heimdall.query.promql.own']"
