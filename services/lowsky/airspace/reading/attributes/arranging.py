"""Zones as the standards lay them out, from every layout that publishers use.

ED-269 and ED-318 put a zone's limits, authorities and times into groups. Published files also nest the zone's own
members in a group (`UASZone`), put the layer beside the geometry (`verticalLayer`), or flatten the groups into the
properties, in spellings of their own. Each is arranged as the standard has it, and then read as such; what is already
there stays. Where a value is published twice, the place nearest to the standard's counts and the other is named as not
taken over; of limits and of times that contradict each other none counts, and two restrictions that do so refuse the
zone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lowsky.airspace.reading.attributes.fields import RESTRICTIONS
from lowsky.airspace.reading.attributes.known import Group, attribute, is_zone_group, member, members
from lowsky.airspace.reading.attributes.values import code, empty, listed, mapping, number, text
from lowsky.airspace.reading.report import Format, Note, ZoneRefused

GROUPS_MAX = 3
"""Of a zone's members within each other; published files have one."""
_IDENTIFIER_KEYS = ("identifier", "id", "zoneId")
_LIMITS = frozenset({"lower", "upper", "lowerLimit", "upperLimit"})
_OF_GEOJSON = frozenset({"type", "geometry", "properties", "id", "bbox"})
_READ_EXTENSIONS = frozenset({"localizedMessages"})


@dataclass(slots=True)
class Arranged:
    """A zone as its dialect lays it out: a feature with `properties`, `geometry` and, in ED-318, `layer`."""

    format: Format
    identifier: object
    """As published, "" where there is none."""
    feature: dict[str, object]
    places: dict[str, str]
    """Where the members of the feature are published, for those that were moved, and all that begins with them."""
    left: list[str]
    """Where values are published that no member of a zone takes; [] stands for any place of a list."""
    restrictions: list[tuple[str, str]] = field(default_factory=list)
    """All that name a restriction, with their places; where they differ, none can be taken."""
    doubts: list[Note] = field(default_factory=list)
    """Limits and times that are published twice and contradict each other: neither is taken."""

    def require_one_restriction(self) -> None:
        """Raises ZoneRefused RESTRICTION_CONTRADICTS."""
        if len({name for name, _ in self.restrictions}) > 1:
            said = ", ".join(f"{place}: {name}" for name, place in self.restrictions)
            raise ZoneRefused("RESTRICTION_CONTRADICTS", self.restrictions[0][1], f"which is meant? {said}")


def arranged(entry: Mapping[str, object]) -> Arranged:
    """The zone of a feature, or of bare members, in either dialect."""
    nested = isinstance(entry.get("properties"), dict)
    source = mapping(entry["properties"]) if nested else entry
    dialect = _dialect(source)
    found = _Gathering(dialect)
    found.gather(source, "properties." if nested else "", 0)
    if nested:
        found.gather({key: value for key, value in entry.items() if key not in _OF_GEOJSON}, "", 0)
    return found.arranged(entry, source, nested)


def _dialect(source: Mapping[str, object]) -> Format:
    """ED-269 has `restriction` and `applicability`, ED-318 puts the restriction in `type`."""
    sources = [source, *(mapping(value) for key, value in source.items() if is_zone_group(key))]
    kinds: set[str] = set()
    volumes = False
    for key, value in ((key, value) for members_of in sources for key, value in members_of.items()):
        found = attribute(key, Format.ED_269)
        if found == (Group.ZONE, "restriction"):
            return Format.ED_269
        if found == (Group.ZONE, "geometry"):
            volumes |= isinstance(value, list)
        elif found == (Group.ZONE, "type") and code(value) in RESTRICTIONS:
            kinds.add("ED-318")
        elif found == (Group.ZONE, "applicability") and key.lower().startswith("applicability"):
            kinds.add("ED-269")
    return Format.ED_269 if volumes or kinds == {"ED-269"} else Format.ED_318


class _Gathering:
    """Collects the attributes of a zone by their groups, with the place that each is published at."""

    def __init__(self, dialect: Format) -> None:
        self._dialect = dialect
        self._key = "type" if dialect is Format.ED_318 else "restriction"
        self._times = "limitedApplicability" if dialect is Format.ED_318 else "applicability"
        self._values: dict[Group, dict[str, object]] = {group: {} for group in Group}
        self._places: dict[tuple[Group, str], str] = {}
        self._restrictions: list[tuple[str, str]] = []
        self._left: list[str] = []
        self._doubts: dict[Group, list[str]] = {}

    def gather(self, source: Mapping[str, object], path: str, depth: int) -> None:
        """Takes all attributes of an object: those under their own names first, then its groups, then the others."""
        later: list[tuple[str, object, tuple[Group, str]]] = []
        groups: list[tuple[str, Mapping[str, object]]] = []
        for key, value in source.items():
            if is_zone_group(key) and isinstance(value, dict) and depth < GROUPS_MAX:
                groups.append((key, value))
            elif (found := attribute(key, self._dialect)) is None:
                self._leave(key, value, path)
            elif key == found[1]:
                self._take(found, value, path + key)
            else:
                later.append((key, value, found))
        for key, value in groups:
            self.gather(value, f"{path}{key}.", depth + 1)
        for key, value, found in later:
            self._take(found, value, path + key)

    def _take(self, found: tuple[Group, str], value: object, place: str) -> None:
        group, name = found
        if found == (Group.ZONE, "zoneAuthority") and isinstance(value, str):
            group, name = Group.AUTHORITY, "name"  # a name alone, of the one authority
        values = self._values[group]
        if found == (Group.ZONE, self._key) and code(value) in RESTRICTIONS:
            self._restrictions.append((RESTRICTIONS[code(value)].value, place))
            if code(values.get(name)) not in RESTRICTIONS:
                values.pop(name, None)
        if empty(values.get(name)):
            if name not in values or not empty(value):
                values[name] = value
                self._places[group, name] = place
        elif not empty(value) and value != values[name]:
            self._left.append(place)
            self._doubt(group, name, value, place)

    def _doubt(self, group: Group, name: str, value: object, place: str) -> None:
        """Of limits and times that contradict each other none binds; a limit in words says what its number says."""
        first = self._values[group][name]
        if group is Group.ZONE:
            group = {"layer": Group.LAYER, self._times: Group.PERIOD}.get(name, Group.ZONE)
        elif name in _LIMITS and (number(first) is None or number(value) is None or number(first) == number(value)):
            return
        same = listed(first) == listed(value) or (code(first) != "" and code(first) == code(value))
        if group in (Group.LAYER, Group.PERIOD, Group.DAILY) and not same:
            self._doubts.setdefault(group, []).append(place)

    def _drop_doubtful(self) -> list[Note]:
        """Forgets the limits, and all times, that contradict each other."""
        notes: list[Note] = []
        if (places := self._doubts.get(Group.LAYER)) is not None:
            self._values[Group.LAYER].clear()
            self._values[Group.ZONE].pop("layer", None)
            message = "published twice, with different values: which limits are meant is not known, none are read"
            notes.append(Note("LIMITS_CONTRADICT", places[0], message))
        if (places := self._doubts.get(Group.PERIOD) or self._doubts.get(Group.DAILY)) is not None:
            for group in (Group.PERIOD, Group.DAILY):
                self._values[group].clear()
            self._values[Group.ZONE].pop(self._times, None)
            message = "published twice, with different values: which times are meant is not known, applies always"
            notes.append(Note("PERIOD_CONTRADICTS", places[0], message))
        return notes

    def _leave(self, key: str, value: object, path: str) -> None:
        if not empty(value):
            self._left.append(path + key)

    def arranged(self, entry: Mapping[str, object], source: Mapping[str, object], nested: bool) -> Arranged:
        zone, doubts = self._values[Group.ZONE], self._drop_doubtful()
        places = {"properties": "properties" if nested else ""}
        geometry = entry.get("geometry") if nested else None
        volumes = zone.get("geometry")
        if self._dialect is Format.ED_318:
            zone.pop("geometry", None)
            geometry = volumes if empty(geometry) else geometry
        elif isinstance(volumes, (dict, list)):
            at = f"{self._places[Group.ZONE, 'geometry']}[]"
            zone["geometry"] = [self._renamed(volume, Group.LAYER, at, keep=True) for volume in listed(volumes)]
        layer = self._layer(places, "properties" if nested else "")
        if self._dialect is Format.ED_269:
            if empty(zone.get("geometry")):
                zone.update(layer)
            else:
                self._left.extend(self._places[Group.LAYER, name] for name in layer)
        self._authorities(places)
        self._periods(places)
        self._extensions()
        for name in zone:
            place = self._places.get((Group.ZONE, name))
            if place is not None and name not in ("geometry", "layer"):
                places.setdefault(f"properties.{name}", place)
        feature: dict[str, object] = {"type": "Feature", "properties": zone, "geometry": geometry}
        if self._dialect is Format.ED_318 and layer:
            feature["layer"] = layer
        identifier, used = self._identifier(entry, source)
        left = [place for place in dict.fromkeys(self._left) if place.rpartition(".")[2] != used]
        return Arranged(self._dialect, identifier, feature, places, left, self._restrictions, doubts)

    def _identifier(self, entry: Mapping[str, object], source: Mapping[str, object]) -> tuple[object, str]:
        found = self._values[Group.ZONE].get("identifier")
        if text(found):
            return found, ""
        for members_of in (source, entry):
            for key in _IDENTIFIER_KEYS:
                if text(members_of.get(key)):
                    return members_of[key], key
        return "", ""

    def _layer(self, places: dict[str, str], base: str) -> dict[str, object]:
        """The limits that stand outside of the geometry: those of a layer, or else the flattened ones."""
        own = self._values[Group.ZONE].pop("layer", None)
        place = self._places.get((Group.ZONE, "layer"), "")
        flat = {name: value for name, value in self._values[Group.LAYER].items() if not empty(value)}
        renamed = mapping(self._renamed(own, Group.LAYER, place))
        if not empty(renamed):
            self._left.extend(self._places[Group.LAYER, name] for name in flat)
            places["layer"] = place
            for name in renamed:
                self._places[Group.LAYER, name] = f"{place}.{name}"
            return dict(renamed)
        if not empty(own) and not isinstance(own, dict):
            self._left.append(place)
        if flat:
            places["layer"] = base
            places |= {f"layer.{name}": self._places[Group.LAYER, name] for name in flat}
        return flat

    def _authorities(self, places: dict[str, str]) -> None:
        zone, flat = self._values[Group.ZONE], self._values[Group.AUTHORITY]
        if not empty(zone.get("zoneAuthority")):
            place = self._places[Group.ZONE, "zoneAuthority"]
            found = zone["zoneAuthority"]
            zone["zoneAuthority"] = [self._renamed(one, Group.AUTHORITY, f"{place}[]") for one in listed(found)]
            self._left.extend(self._places[Group.AUTHORITY, name] for name, value in flat.items() if not empty(value))
        elif not empty(flat):
            zone["zoneAuthority"] = [flat]
            for name in members(Group.AUTHORITY, self._dialect):
                at = f"properties.zoneAuthority[0].{name}"
                places[at] = self._places.get((Group.AUTHORITY, name), self._beside(Group.AUTHORITY, name))

    def _periods(self, places: dict[str, str]) -> None:
        zone, flat, daily = (self._values[group] for group in (Group.ZONE, Group.PERIOD, Group.DAILY))
        if not empty(zone.get(self._times)):
            place = self._places[Group.ZONE, self._times]
            zone[self._times] = [self._period(one, f"{place}[]") for one in listed(zone[self._times])]
            for group in (Group.PERIOD, Group.DAILY):
                said = self._values[group].items()
                self._left.extend(self._places[group, name] for name, value in said if not empty(value))
            return
        if not empty(daily):
            if empty(flat.get("schedule")):
                flat["schedule"] = [daily]
                for name in members(Group.DAILY, self._dialect):
                    at = f"properties.{self._times}[0].schedule[0].{name}"
                    places[at] = self._places.get((Group.DAILY, name), self._beside(Group.DAILY, name))
            else:
                self._left.extend(self._places[Group.DAILY, name] for name, value in daily.items() if not empty(value))
        if not empty(flat):
            zone[self._times] = [self._period(flat, "")]
            for name in members(Group.PERIOD, self._dialect):
                at = f"properties.{self._times}[0].{name}"
                places[at] = self._places.get((Group.PERIOD, name), self._beside(Group.PERIOD, name))

    def _beside(self, group: Group, name: str) -> str:
        """Where a flattened member would be that is absent."""
        first = next(place for (of, _), place in self._places.items() if of is group or group is Group.PERIOD)
        return f"{first.rpartition('.')[0]}.{name}".lstrip(".")

    def _period(self, value: object, place: str) -> object:
        found = self._renamed(value, Group.PERIOD, place)
        if isinstance(found, dict) and isinstance(found.get("schedule"), (list, dict)):
            at = f"{place}.schedule[]"
            found["schedule"] = [self._renamed(one, Group.DAILY, at) for one in listed(found["schedule"])]
        return found

    def _renamed(self, value: object, group: Group, place: str, *, keep: bool = False) -> object:
        """A group's object under the dialect's names; of its other members nothing, or all as they are."""
        if not isinstance(value, dict):
            return value
        found: dict[str, object] = {}
        for key, item in value.items():
            name = member(key, group, self._dialect)
            if name is None and keep:
                found[key] = item
            elif name is None or (name != key and not empty(value.get(name))) or not empty(found.get(name)):
                self._leave(key, item, f"{place}.")
            else:
                found[name] = item
        return found

    def _extensions(self) -> None:
        zone = self._values[Group.ZONE]
        found, place = zone.get("extendedProperties"), self._places.get((Group.ZONE, "extendedProperties"), "")
        if isinstance(found, dict):
            for key, value in found.items():
                if key not in _READ_EXTENSIONS:
                    self._leave(key, value, f"{place}.")
        elif not empty(found):
            self._left.append(place)
