"""A node that nobody asks in GraphQL or PromQL does not pay for them when it starts."""

from __future__ import annotations

import subprocess
import sys


def test_what_answers_is_not_imported_at_the_start() -> None:
    asked = (
        "import sys, heimdall.app.wiring; "
        "print([name for name in sys.modules if name.split('.')[0] == 'graphql' or 'promql.' in name])"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "['heimdall.query.promql.own']"
