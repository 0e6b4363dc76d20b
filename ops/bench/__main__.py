"""`python -m bench [SUITE ...] [-o FILE]`, from `ops/`: checks, times, prints a table and writes JSON.

Exit status 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.measure import machine, measure

SUITES = ("convolution", "unet", "geometry_ops", "language", "evaluators", "server")
"""Modules of this package with a function `suite() -> list[Case]`, or `results()` where they measure themselves."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"{', '.join(SUITES)}; all by default")
    parser.add_argument("-o", "--out", type=Path, help="write the results as JSON to this file")
    parser.add_argument("--repeats", type=int, default=7, help="timed runs of each alternative (default 7)")
    asked = parser.parse_args()
    unknown = sorted(set(asked.suites) - set(SUITES))
    if unknown or asked.repeats < 2:
        parser.error(f"no suite named {unknown[0]!r}" if unknown else "--repeats must be at least 2")
    here = machine()
    console = Console()
    console.print(" · ".join(f"{key} {value}" for key, value in here.items()), highlight=False)
    results = []
    for name in asked.suites or SUITES:
        suite = importlib.import_module(f"bench.{name}")
        own = suite.results() if hasattr(suite, "results") else None
        for result in own or (measure(case, repeats=asked.repeats) for case in suite.suite()):
            results.append(result)
            console.print(_table(result))
    if asked.out:
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        asked.out.write_text(json.dumps({"machine": here, "results": results}, indent=2, ensure_ascii=False) + "\n")
    missed = [f"{result['name']}: {what}" for result in results for what in result["missed"]]
    console.print(*(f"target missed: {line}" for line in missed) if missed else ("all targets met",), sep="\n")
    return 1 if missed else 0


def _table(result: dict[str, Any]) -> Table:
    table = Table("run", "median ms", "IQR ms", "times ours", title=result["name"], title_justify="left")
    for name, run in result["runs"].items():
        spread = "once" if run["iqr_s"] is None else f"{1e3 * run['iqr_s']:.2f}"
        table.add_row(name, f"{1e3 * run['median_s']:.2f}", spread, f"{run['ratio']:.2f}")
    return table


if __name__ == "__main__":
    sys.exit(main())
