"""Why a mission file was not read."""


class UnreadableMission(ValueError):
    """The file is not a mission that can be flown as written, or not one that this reader supports.

    `reason` is a stable UPPER_SNAKE code, `item` the index in `mission.items` (from 0) if one item causes it,
    `field` the JSON path of the value, `message` a sentence for the author of the file.
    """

    def __init__(self, reason: str, message: str, item: int | None = None, field: str | None = None) -> None:
        prefix = "" if item is None else f"item {item + 1}: "
        super().__init__(f"{prefix}{message}" + (f" ({field})" if field else ""))
        self.reason = reason
        self.message = message
        self.item = item
        self.field = field
