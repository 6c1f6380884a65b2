"""Why a mission file was not read."""


class UnreadableMission(ValueError):
    """The file is no mission that can be flown as written, or not one that this reader understands.

    `reason` is a stable UPPER_SNAKE code, `item` the index in `mission.items` (from 0) when one item is to blame,
    `field` the JSON path of the value, `message` a sentence for the person who made the file.
    """

    def __init__(self, reason: str, message: str, item: int | None = None, field: str | None = None) -> None:
        place = "" if item is None else f"item {item + 1}: "
        super().__init__(f"{place}{message}" + (f" ({field})" if field else ""))
        self.reason = reason
        self.message = message
        self.item = item
        self.field = field
