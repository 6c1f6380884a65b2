"""The order in which items are performed: DO_JUMP expanded, endless ones refused.

Parameter 1 is the `doJumpId` of the target, parameter 2 the number of jumps. As in PX4 and ArduPilot the count
belongs to the jump item and is not reset, so nested jumps add up and do not multiply.
"""

from collections.abc import Iterator
from typing import Final

from lowsky.missions.errors import UnreadableMission
from lowsky.missions.items import commands
from lowsky.missions.items.items import Item

# Ten times the waypoints that a mission may have: room for camera commands between them.
STEPS_MAX: Final = 20_000


def in_order(items: tuple[Item, ...]) -> Iterator[Item]:
    """Items in the order in which they are executed. All jumps are checked before the first item is yielded."""
    by_id: dict[int, list[int]] = {}
    for index, item in enumerate(items):
        by_id.setdefault(item.jump_id, []).append(index)
    jumps = [index for index, item in enumerate(items) if item.command == commands.DO_JUMP]
    targets = {index: _target_index(items[index], by_id) for index in jumps}
    left = {index: int(items[index].param(2)) for index in jumps}
    at = 0
    for _ in range(STEPS_MAX):
        if at >= len(items):
            return
        index = at
        at += 1
        if index not in targets:
            yield items[index]
        elif left[index] > 0:
            left[index] -= 1
            at = targets[index]
    if at < len(items):
        raise UnreadableMission("TOO_MANY_STEPS", f"with its jumps the mission has more than {STEPS_MAX} steps")


def _target_index(jump: Item, by_id: dict[int, list[int]]) -> int:
    repeat, target = jump.param(2), jump.params[0]
    if repeat < 0:
        raise UnreadableMission(
            "ENDLESS_JUMP",
            "the jump repeats without end, but an airspace request needs an end: give a count",
            jump.index,
        )
    if not repeat.is_integer() or target is None:
        raise UnreadableMission("BAD_VALUE", "the jump needs a target and a whole number of repeats", jump.index)
    found = by_id.get(int(target), []) if target.is_integer() else []
    if not found:
        raise UnreadableMission("JUMP_TARGET_MISSING", f"no item has the jump id {target:g}", jump.index)
    if len(found) > 1:
        raise UnreadableMission("JUMP_TARGET_AMBIGUOUS", f"several items have the jump id {target:g}", jump.index)
    return found[0]
