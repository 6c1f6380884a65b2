"""`make bench`: measures everything here, prints a table with ratios, and writes bench-results/latest.json."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench import geofence, idle_decision, imports, reservations, submissions, watches
from tests.bench.measuring import Measurement

RESULTS = Path("bench-results")


def main() -> None:
    console = Console()
    comparisons = geofence.measure()
    console.print(geofence.table(comparisons))
    with tempfile.TemporaryDirectory(prefix="lowsky-bench-") as folder:
        measurements = idle_decision.measure(Path(folder) / "stack", console)
    imported = asyncio.run(imports.measure())
    submitted = asyncio.run(submissions.measure())
    found, held = asyncio.run(reservations.measure())
    reconnected = asyncio.run(watches.measure())
    console.print()
    console.print(table(measurements))
    console.print("An import, end to end:", imported)
    submissions.show(submitted)
    reservations.show(found, held)
    watches.show(reconnected)
    RESULTS.mkdir(exist_ok=True)
    document = {
        "time": datetime.now(UTC).isoformat(),
        "cores": os.cpu_count(),
        "load_before": os.getloadavg(),
        "geofence": [comparison.as_dict() for comparison in comparisons],
        "import": imported,
        "submissions": [run.as_dict() for run in submitted],
        "watches": asdict(reconnected),
        "reservations": reservations.as_dict(found, held),
        "measurements": [measurement.as_dict() for measurement in measurements],
    }
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
