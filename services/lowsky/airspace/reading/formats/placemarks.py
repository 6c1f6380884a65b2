"""What a KML document draws or links to, taken out of the tree as it is built: no more than one is in memory."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree.ElementTree import Element, TreeBuilder

from lowsky.airspace.reading.attributes.json_values import TEXT_LENGTH_MAX
from lowsky.airspace.reading.formats import json_parsing
from lowsky.airspace.reading.formats.json_parsing import DEPTH_MAX
from lowsky.airspace.reading.report import UnreadableZones

ELEMENTS_MAX = 2_000_000
"""Of a file: some seconds' work."""
ELEMENTS_OF_ONE_MAX = 100_000
"""Of a Placemark; they take some 30 MB. A polygon has five, and three for each hole."""
NAMES_MAX = 10_000
"""Different names of elements and attributes, each of which the parser remembers. KML has some 200."""

_ENTRIES = ("Placemark", "NetworkLink", "GroundOverlay")
"""What is or may draw an area; the other features of KML are legends, photographs and tours."""


@dataclass(frozen=True, slots=True)
class Placemark:
    """An entry, the names of the folders around it, and whether it is whole: else it is too large, and broken off."""

    element: Element
    folders: tuple[str, ...]
    whole: bool


@dataclass(slots=True)
class _Folder:
    element: Element
    name: str = ""
    holds_entries: bool = False


class Placemarks(TreeBuilder):
    """The target of a parser. What is in no entry is forgotten as it ends, but for the names of open folders."""

    def __init__(self) -> None:
        super().__init__()
        self.title = ""
        """Of the document."""
        self._open: list[Element] = []
        self._folders: list[_Folder] = []
        self._entry: Element | None = None
        """The open one."""
        self._ready: list[Placemark] = []
        self._names: set[str] = set()
        self._count = self._own_count = self._own_size = 0
        """All elements; those of the entry, and its characters: outside of entries, those since the last tag."""

    def taken(self) -> list[Placemark]:
        """The entries that ended since the last call."""
        ready, self._ready = self._ready, []
        return ready

    def start(self, tag: str, attrs: dict[str, str], /) -> Element:
        kind = _local(tag)
        if not self._open and kind != "kml":
            raise UnreadableZones("NOT_A_ZONE_FILE", f"the document is {kind[:100]}, not kml")
        self._names.update((tag, *attrs))
        self._count += 1
        if len(self._open) >= DEPTH_MAX:
            raise UnreadableZones("TOO_DEEP", f"the file is nested deeper than {DEPTH_MAX}")
        if self._count > ELEMENTS_MAX:
            raise UnreadableZones("TOO_LARGE", f"the file has more than {ELEMENTS_MAX} elements")
        if len(self._names) > NAMES_MAX:
            raise UnreadableZones("TOO_LARGE", f"the file has elements and attributes of more than {NAMES_MAX} names")
        if self._entry is None:
            self._own_count = self._own_size = 0
        elif kind in _ENTRIES:
            message = "a Placemark is nested in another: it is not clear which zones are meant"
            raise UnreadableZones("NOT_A_ZONE_FILE", message)
        self._own_count += 1
        self._own_size += sum(map(len, attrs.values()))
        element = super().start(tag, attrs)
        self._open.append(element)
        if self._entry is None and kind in _ENTRIES:
            self._entry = element
        elif kind == "Folder" and self._entry is None:
            self._folders.append(_Folder(element))
        return element

    def data(self, data: str, /) -> None:
        self._own_size += len(data)
        if self._is_whole():
            super().data(data)

    def end(self, tag: str, /) -> Element:
        element = super().end(tag)
        self._open.pop()
        if element is self._entry:
            self._finish(element)
        elif self._entry is None:
            self._name(element)
        if self._open and (self._entry is None or not self._is_whole()):
            del self._open[-1][-1]
        if self._entry is None:
            self._own_size = 0
        return element

    def _is_whole(self) -> bool:
        return self._own_count <= ELEMENTS_OF_ONE_MAX and self._own_size <= json_parsing.ZONE_TEXT_MAX

    def _finish(self, entry: Element) -> None:
        self._entry = None
        for folder in self._folders:
            folder.holds_entries = True
        names = tuple(folder.name for folder in self._folders if folder.name)
        self._ready.append(Placemark(entry, names, self._is_whole()))

    def _name(self, element: Element) -> None:
        """Keeps the name of the document or of a folder that has none yet; forgets a folder that ends."""
        around = self._folders[-1] if self._folders else None
        if around and element is around.element:
            self._folders.pop()
        elif local(element) == "name":
            name = text_of(element)[:TEXT_LENGTH_MAX]
            if around and self._open[-1] is around.element and not around.name:
                if around.holds_entries:
                    message = "the name of a Folder must come before its content"
                    raise UnreadableZones("NOT_A_ZONE_FILE", message)
                around.name = name
            elif len(self._open) == 2 and local(self._open[-1]) == "Document" and not self.title:
                self.title = name


def local(element: Element) -> str:
    """The name without its namespace: 2.0, 2.1, 2.2 and none are all in use."""
    return _local(str(element.tag))


def text_of(element: Element | None) -> str:
    """All text within an element."""
    return "" if element is None else "".join(element.itertext()).strip()


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
