"""`python -m tests.support.import_memory_probe FILE`: by how many bytes a process grows that prepares an import of a
file.

Reading, packing, what is kept for a rollback, and the difference to nothing: all of an import ahead of its transaction.
KML and GeoJSON are read by a mapping whose identifier is the property ID.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from lowsky.airspace.codec.imports.differences import Differences
from lowsky.airspace.codec.imports.packed_zones import PackedZones
from lowsky.airspace.domain.dataset import Dataset
from lowsky.airspace.imports.preparing import prepare
from lowsky.airspace.imports.replacing import keep_contents
from lowsky.airspace.reading import AS_PUBLISHED, Declared, FieldMapping, Format, Source
from lowsky.airspace.spool import Room
from lowsky.geo.zones.geozone import Restriction
from tests.support.packed_zones import DATASET, DIRECTORY

_FORMATS = {".kml": Format.KML, ".geojson": Format.GEOJSON}
_MAPPING = FieldMapping(Source("ID"), Source(constant=Restriction.PROHIBITED.value))


def _bytes(name: str) -> int:
    """A line of the process's own status: VmRSS now, VmHWM at its highest."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def measure(path: Path) -> dict[str, float]:
    """Growth in bytes, seconds of the processor, and what became of the zones."""
    form = _FORMATS.get(path.suffix)
    declared = Declared(form, _MAPPING) if form else AS_PUBLISHED
    room = Room(2**31, "measurements")
    before, begun = _bytes("VmRSS"), time.process_time()
    with path.open("rb") as file, room.spool() as packed, room.spool() as contents:
        found = prepare(file, declared, DATASET, DIRECTORY, PackedZones(packed))
        keep_contents(found.zones, contents)
        difference = Differences(Dataset(DATASET, DIRECTORY.default), found.zones, datetime.now(UTC)).finish()
    return {
        "growth": _bytes("VmHWM") - before,
        "cpu_s": round(time.process_time() - begun, 1),
        "taken": found.report.message.taken + found.report.message.repaired,
        "refused": found.report.message.refused,
        "added": difference.added,
    }


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]))))
