"""What a question costs as records become more: `billion.py` at several sizes, drawn.

    python benchmarks/growth.py --folder FOLDER [--sizes 1000000 10000000 100000000] [--questions 400]
                                [--plot docs/images/growth.svg]

Runs `billion.py` for each size in a folder of its own below FOLDER, which is taken up again where it was; a size whose
`result.json` lies there is not run again. Then draws the median and the 95th percentile of each class of questions, on
logarithmic axes, and the rate of loading by tenths. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, TOP = 190, 120, 44, 26
COLUMNS, GAP_X, GAP_Y = 4, 24, 50
LEAST_MS, MOST_MS = 5.0, 30_000.0
STYLE = """
  text { font: 11px system-ui, sans-serif; fill: #334155 } .title { font-weight: 600 }
  .axis { fill: #64748b; font-size: 10px }
  .grid { stroke: #cbd5e1; stroke-width: 1 } .goal { stroke: #94a3b8; stroke-dasharray: 3 3 }
  .p50 { stroke: #2563eb; fill: #2563eb } .p95 { stroke: #d97706; fill: #d97706 }
  polyline { fill: none !important; stroke-width: 2 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e2e8f0 } .axis { fill: #94a3b8 } .grid { stroke: #334155 } .goal { stroke: #64748b }
    .p50 { stroke: #60a5fa; fill: #60a5fa } .p95 { stroke: #fbbf24; fill: #fbbf24 }
  }
"""
GOAL_MS = 500.0

Point = tuple[float, float]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--folder", type=Path, required=True)
    options.add_argument("--sizes", type=int, nargs="+", default=[1_000_000, 10_000_000, 100_000_000])
    options.add_argument("--questions", type=int, default=400)
    options.add_argument("--plot", type=Path)
    given = options.parse_args()
    results = [measured(given.folder / str(size), size, given.questions) for size in sorted(given.sizes)]
    if given.plot is not None:
        given.plot.write_text(drawn(results), encoding="utf-8")
    summary = {
        str(result["records"]): {
            "p50": result["questions"]["all"]["p50"],
            "p95": result["questions"]["all"]["p95"],
            "last_tenth_to_first": tenths_ratio(result),
        }
        for result in results
    }
    sys.stdout.write(json.dumps({"benchmark": "growth", "sizes": summary}) + "\n")


def measured(folder: Path, records: int, questions: int) -> dict[str, Any]:
    """The result of `billion.py` at this size, run unless it is known."""
    known = folder / "result.json"
    if not known.exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, str(Path(__file__).with_name("billion.py")), "--records", str(records)]
        command += ["--folder", str(folder), "--questions", str(questions)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        known.write_text(done.stdout.splitlines()[-1], encoding="utf-8")
    found: dict[str, Any] = json.loads(known.read_text(encoding="utf-8"))
    return found


def tenths_ratio(result: dict[str, Any]) -> float | None:
    """Rate of the last tenth of the load to that of the first."""
    tenths = result["ingest"]["tenths_s"]
    return round(tenths[0] / tenths[-1], 2) if len(tenths) > 1 else None


def drawn(results: list[dict[str, Any]]) -> str:
    """An SVG of small charts, one a class of questions, and one of the load."""
    panels = [_class_panel(name, results) for name in ("all", *results[0]["questions"]["classes"])]
    panels.append(_load_panel(results[-1]))
    rows = math.ceil(len(panels) / COLUMNS)
    width, height = COLUMNS * (WIDTH + LEFT + GAP_X), rows * (HEIGHT + GAP_Y) + TOP
    placed = []
    for at, panel in enumerate(panels):
        x, y = LEFT + at % COLUMNS * (WIDTH + LEFT + GAP_X), TOP + at // COLUMNS * (HEIGHT + GAP_Y)
        placed.append(f'<g transform="translate({x} {y})">{panel}</g>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">'
        "<title>Milliseconds a question takes, by records stored</title>"
        f"<style>{STYLE}</style>{''.join(placed)}</svg>\n"
    )


def _class_panel(name: str, results: list[dict[str, Any]]) -> str:
    sizes = [math.log10(result["records"]) for result in results]
    first, last = sizes[0], max(sizes[-1], sizes[0] + 1)
    parts = [f'<text class="title" x="0" y="-10">{escape(name)}</text>']
    for ms in (10, 100, 1_000, 10_000):
        y = _height(ms)
        parts.append(f'<line class="grid" x1="0" x2="{WIDTH}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text class="axis" x="-4" y="{y + 3}" text-anchor="end">{_ms(ms)}</text>')
    goal = _height(GOAL_MS)
    parts.append(f'<line class="goal" x1="0" x2="{WIDTH}" y1="{goal}" y2="{goal}"/>')
    for result, size in zip(results, sizes, strict=True):
        x = (size - first) / (last - first) * WIDTH
        label = f"{result['records'] / 1e6:,.0f} M"
        parts.append(f'<text class="axis" x="{x:.1f}" y="{HEIGHT + 14}" text-anchor="middle">{label}</text>')
    for quantile in ("p50", "p95"):
        points = [
            ((size - first) / (last - first) * WIDTH, _height(taken[quantile]))
            for result, size in zip(results, sizes, strict=True)
            if (taken := _quantiles(result, name)) is not None
        ]
        parts.append(_line(points, quantile))
    return "".join(parts)


def _load_panel(result: dict[str, Any]) -> str:
    tenth = result["records"] / 10
    rates = [tenth / seconds / 1e3 for seconds in result["ingest"]["tenths_s"]]
    most = max(rates) * 1.1
    parts = [f'<text class="title" x="0" y="-10">load, thousands a second, {result["records"] / 1e6:,.0f} M</text>']
    for share in (0, 0.5, 1):
        y = HEIGHT * (1 - share)
        parts.append(f'<line class="grid" x1="0" x2="{WIDTH}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text class="axis" x="-4" y="{y + 3}" text-anchor="end">{share * most:.0f}</text>')
    places = [(at / max(len(rates) - 1, 1) * WIDTH, HEIGHT * (1 - rate / most)) for at, rate in enumerate(rates)]
    parts.append(f'<text class="axis" x="0" y="{HEIGHT + 14}">first tenth</text>')
    parts.append(f'<text class="axis" x="{WIDTH}" y="{HEIGHT + 14}" text-anchor="end">last</text>')
    return "".join([*parts, _line(places, "p50")])


def _quantiles(result: dict[str, Any], name: str) -> dict[str, float] | None:
    questions = result["questions"]
    found: dict[str, float] | None = questions["all"] if name == "all" else questions["classes"].get(name)
    return found


def _line(points: list[Point], style: str) -> str:
    dots = "".join(f'<circle class="{style}" cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>' for x, y in points)
    return f'<polyline class="{style}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>{dots}'


def _height(ms: float) -> float:
    share = math.log(min(max(ms, LEAST_MS), MOST_MS) / LEAST_MS) / math.log(MOST_MS / LEAST_MS)
    return round(HEIGHT * (1 - share), 1)


def _ms(ms: float) -> str:
    return f"{ms:.0f} ms" if ms < 1_000 else f"{ms / 1e3:.0f} s"


if __name__ == "__main__":
    main()
