"""`make bench`: measures, prints tables with ratios, and writes bench-results/latest.json.

`python -m tests.bench [--quick] [SECTION …]`: those sections alone. Quick ones only show that they work: sizes are then
so small that no figure of theirs can be compared, and they write none.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench.measuring import QUICK, Measurement

RESULTS = Path("bench-results")

Show = Callable[[Any, Console], object]
"""Measures with a section's module, prints what it found, and returns it for JSON; None if it only prints."""


def geofence(module: Any, console: Console) -> object:
    comparisons = module.measure()
    console.print(module.table(comparisons))
    return [comparison.as_dict() for comparison in comparisons]


def idle_decision(module: Any, console: Console) -> object:
    with tempfile.TemporaryDirectory(prefix="lowsky-bench-") as folder:
        measurements = module.measure(Path(folder) / "stack", console)
    console.print(table(measurements))
    return [measurement.as_dict() for measurement in measurements]


def imports(module: Any, console: Console) -> object:
    imported = asyncio.run(module.measure())
    console.print("An import, end to end:", imported)
    return imported


def submissions(module: Any, _: Console) -> object:
    submitted = asyncio.run(module.measure())
    module.show(submitted)
    return [run.as_dict() for run in submitted]


def reservations(module: Any, _: Console) -> object:
    found, held = asyncio.run(module.measure())
    module.show(found, held)
    return module.as_dict(found, held)


def watches(module: Any, _: Console) -> object:
    reconnected = asyncio.run(module.measure())
    module.show(reconnected)
    return asdict(reconnected)


def printed(module: Any, _: Console) -> object:
    asyncio.run(module.main())
    return None


def printed_directly(module: Any, _: Console) -> object:
    module.main()
    return None


SECTIONS: dict[str, Show] = {
    "geofence": geofence,
    "idle_decision": idle_decision,
    "imports": imports,
    "submissions": submissions,
    "reservations": reservations,
    "watches": watches,
}
"""What `make bench` measures, by module."""

LONG: dict[str, Show] = {
    "recheck": printed,
    "startup": printed_directly,
    "airspace_scale": printed,
    "growth": printed,
}
"""Measured only when named, or quickly."""


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description="Measures lowsky, as ratios within one run."
    )
    parser.add_argument("sections", nargs="*", choices=[[], *SECTIONS, *LONG], metavar="SECTION", default=[])
    parser.add_argument("--quick", action="store_true", help="see that the sections work; the figures mean nothing")
    given = parser.parse_args()
    if given.quick:
        os.environ[QUICK] = "1"  # before the modules are imported, and for the processes that they start
    wanted = given.sections or [*SECTIONS, *(LONG if given.quick else ())]
    console = Console()
    document: dict[str, object] = {
        "time": datetime.now(UTC).isoformat(),
        "cores": os.cpu_count(),
        "load_before": os.getloadavg(),
    }
    for name in wanted:
        console.rule(f"{name} (quick: not comparable)" if given.quick else name)
        document[name] = (SECTIONS | LONG)[name](import_module(f"tests.bench.{name}"), console)
    if not given.quick and not given.sections:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "latest.json").write_text(json.dumps(document, indent=2) + "\n")


def table(measurements: list[Measurement]) -> Table:
    """Each measurement beside the floors of the same run."""
    echo, kafka = measurements[:2]
    rows = Table(title="On an idle stack, one call after the other", title_justify="left")
    for heading in ("what", "p50 ms", "p95 ms", "× echo", "× Kafka round trip"):
        rows.add_column(heading, justify="left" if heading == "what" else "right")
    for m in measurements:
        rows.add_row(
            m.what,
            f"{m.p50_ms:.2f}",
            f"{m.p95_ms:.2f}",
            f"{m.p50_ms / echo.p50_ms:.1f}",
            f"{m.p50_ms / kafka.p50_ms:.1f}",
        )
    return rows


if __name__ == "__main__":
    main()
