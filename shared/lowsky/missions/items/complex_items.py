"""Complex items: surveys and corridor scans, for which the file also holds the simple items computed from them.

Source: QGroundControl developer guide, "Plan File Format", Complex Mission Items (TransectStyleComplexItem).
"""

from collections.abc import Sequence
from typing import Final

from lowsky.missions.errors import UnreadableMission
from lowsky.missions.json_numbers import integer

# The newest supported layouts, and that of the part that they share.
_VERSIONS_MAX: Final = {"survey": 5, "CorridorScan": 3}
_SHARED: Final = "TransectStyleComplexItem"
_SHARED_VERSION_MAX: Final = 2
# Named in the refusal; any other name is the file's own text and is not repeated.
_OTHERS: Final = ("StructureScan", "fwLandingPattern", "vtolLandingPattern")


def computed_items(index: int, raw: dict[str, object], path: str) -> tuple[Sequence[object], str]:
    """The simple items that are sent to the aircraft, not yet parsed, and the JSON path to them.

    Raises:
        UnreadableMission: COMPLEX_ITEM if the file does not hold them, or in an unsupported layout.
    """
    kind = raw.get("complexItemType")
    if not isinstance(kind, str) or kind not in _VERSIONS_MAX:
        what = f" ({kind})" if kind in _OTHERS else ""
        raise _refusal(index, f"complex items{what} do not hold the path that they are flown on", path)
    shared = raw.get(_SHARED)
    items = shared.get("Items") if isinstance(shared, dict) else None
    if not isinstance(shared, dict) or not isinstance(items, list) or not items:
        raise _refusal(
            index, f"the file does not hold the path of the complex item ({kind})", f"{path}.{_SHARED}.Items"
        )
    for holder, version_max, where in (
        (raw, _VERSIONS_MAX[kind], path),
        (shared, _SHARED_VERSION_MAX, f"{path}.{_SHARED}"),
    ):
        version = integer(holder.get("version"), f"{where}.version", index)
        if version is None or not 1 <= version <= version_max:
            message = f"the complex item ({kind}) is of version {version}, known are 1 to {version_max}"
            raise _refusal(index, message, f"{where}.version")
    return items, f"{path}.{_SHARED}.Items"


def _refusal(index: int, message: str, field: str) -> UnreadableMission:
    advice = "open the plan in QGroundControl and save it again, or plan waypoints in its place"
    return UnreadableMission("COMPLEX_ITEM", f"{message}: {advice}", index, field)
