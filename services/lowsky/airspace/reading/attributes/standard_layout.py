"""Converts zones from every layout that publishers use to the layout of the standards.

ED-269 and ED-318 put a zone's limits, authorities and times into groups. Published files also nest the zone's own
members in a group (`UASZone`), put the layer beside the geometry (`verticalLayer`), or flatten the groups into the
properties, in spellings of their own. Each zone is rearranged into the standard layout, and then read in that form;
members that are already in place stay. Where a value is published twice, the path closest to the standard's is used and
the other is reported as not taken over; limits or times that contradict each other are all ignored, and a zone with two
contradicting restrictions is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lowsky.airspace.reading.attributes.json_values import code, empty, listed, mapping, number, text
from lowsky.airspace.reading.attributes.member_names import Group, attribute, is_zone_group, member, members
from lowsky.airspace.reading.attributes.shared_members import RESTRICTIONS
from lowsky.airspace.reading.report import Format, Note, ZoneRefused

GROUPS_MAX = 3
"""Nesting depth of groups of a zone's members; published files have one."""
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
    paths: dict[str, str]
    """Published paths of the members that were moved, and of all members below them."""
    left: list[str]
    """Published paths of values that no member of a zone uses; [] stands for any index of a list."""
    restrictions: list[tuple[str, str]] = field(default_factory=list)
    """All values that name a restriction, with their paths; where they differ, the zone is refused."""
    doubts: list[Note] = field(default_factory=list)
    """Limits and times that are published twice and contradict each other: neither is used."""

    def require_one_restriction(self) -> None:
        """Raises ZoneRefused RESTRICTION_CONTRADICTS."""
        if len({name for name, _ in self.restrictions}) > 1:
            found = ", ".join(f"{path}: {name}" for name, path in self.restrictions)
            message = f"different restrictions are published: {found}"
            raise ZoneRefused("RESTRICTION_CONTRADICTS", self.restrictions[0][1], message)


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
    """Collects the attributes of a zone by their groups, with the path at which each is published."""

    def __init__(self, dialect: Format) -> None:
        self._dialect = dialect
        self._key = "type" if dialect is Format.ED_318 else "restriction"
        self._times = "limitedApplicability" if dialect is Format.ED_318 else "applicability"
        self._values: dict[Group, dict[str, object]] = {group: {} for group in Group}
        self._paths: dict[tuple[Group, str], str] = {}
        self._restrictions: list[tuple[str, str]] = []
        self._left: list[str] = []
        self._doubts: dict[Group, list[str]] = {}

    def gather(self, source: Mapping[str, object], path: str, depth: int) -> None:
        """Collects all attributes of an object: those in standard spelling first, then its groups, then the others."""
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
                self._paths[group, name] = place
        elif not empty(value) and value != values[name]:
            self._left.append(place)
            self._doubt(group, name, value, place)

    def _doubt(self, group: Group, name: str, value: object, place: str) -> None:
        """Records contradicting limits and times, which are then ignored; a limit in words agrees with any number."""
        first = self._values[group][name]
        if group is Group.ZONE:
            group = {"layer": Group.LAYER, self._times: Group.PERIOD}.get(name, Group.ZONE)
        elif name in _LIMITS and (number(first) is None or number(value) is None or number(first) == number(value)):
            return
        same = listed(first) == listed(value) or (code(first) != "" and code(first) == code(value))
        if group in (Group.LAYER, Group.PERIOD, Group.DAILY) and not same:
            self._doubts.setdefault(group, []).append(place)

    def _drop_doubtful(self) -> list[Note]:
        """Discards limits, and all times, that contradict each other."""
        notes: list[Note] = []
        if (paths := self._doubts.get(Group.LAYER)) is not None:
            self._values[Group.LAYER].clear()
            self._values[Group.ZONE].pop("layer", None)
            message = "published twice, with different values: it is unknown which limits apply, none are read"
            notes.append(Note("LIMITS_CONTRADICT", paths[0], message))
        if (paths := self._doubts.get(Group.PERIOD) or self._doubts.get(Group.DAILY)) is not None:
            for group in (Group.PERIOD, Group.DAILY):
                self._values[group].clear()
            self._values[Group.ZONE].pop(self._times, None)
            message = "published twice, with different values: it is unknown which times apply, applies always"
            notes.append(Note("PERIOD_CONTRADICTS", paths[0], message))
        return notes

    def _leave(self, key: str, value: object, path: str) -> None:
        if not empty(value):
            self._left.append(path + key)

    def arranged(self, entry: Mapping[str, object], source: Mapping[str, object], nested: bool) -> Arranged:
        zone, doubts = self._values[Group.ZONE], self._drop_doubtful()
        paths = {"properties": "properties" if nested else ""}
        geometry = entry.get("geometry") if nested else None
        volumes = zone.get("geometry")
        if self._dialect is Format.ED_318:
            zone.pop("geometry", None)
            geometry = volumes if empty(geometry) else geometry
        elif isinstance(volumes, (dict, list)):
            at = f"{self._paths[Group.ZONE, 'geometry']}[]"
            zone["geometry"] = [self._renamed(volume, Group.LAYER, at, keep=True) for volume in listed(volumes)]
        layer = self._layer(paths, "properties" if nested else "")
        if self._dialect is Format.ED_269:
            if empty(zone.get("geometry")):
                zone.update(layer)
            else:
                self._left.extend(self._paths[Group.LAYER, name] for name in layer)
        self._authorities(paths)
        self._periods(paths)
        self._extensions()
        for name in zone:
            place = self._paths.get((Group.ZONE, name))
            if place is not None and name not in ("geometry", "layer"):
                paths.setdefault(f"properties.{name}", place)
        feature: dict[str, object] = {"type": "Feature", "properties": zone, "geometry": geometry}
        if self._dialect is Format.ED_318 and layer:
            feature["layer"] = layer
        identifier, used = self._identifier(entry, source)
        left = [place for place in dict.fromkeys(self._left) if place.rpartition(".")[2] != used]
        return Arranged(self._dialect, identifier, feature, paths, left, self._restrictions, doubts)

    def _identifier(self, entry: Mapping[str, object], source: Mapping[str, object]) -> tuple[object, str]:
        found = self._values[Group.ZONE].get("identifier")
        if text(found):
            return found, ""
        for members_of in (source, entry):
            for key in _IDENTIFIER_KEYS:
                if text(members_of.get(key)):
                    return members_of[key], key
        return "", ""

    def _layer(self, paths: dict[str, str], base: str) -> dict[str, object]:
        """The limits outside of the geometry: those of a layer, or else the flattened ones."""
        own = self._values[Group.ZONE].pop("layer", None)
        place = self._paths.get((Group.ZONE, "layer"), "")
        flat = {name: value for name, value in self._values[Group.LAYER].items() if not empty(value)}
        renamed = mapping(self._renamed(own, Group.LAYER, place))
        if not empty(renamed):
            self._left.extend(self._paths[Group.LAYER, name] for name in flat)
            paths["layer"] = place
            for name in renamed:
                self._paths[Group.LAYER, name] = f"{place}.{name}"
            return dict(renamed)
        if not empty(own) and not isinstance(own, dict):
            self._left.append(place)
        if flat:
            paths["layer"] = base
            paths |= {f"layer.{name}": self._paths[Group.LAYER, name] for name in flat}
        return flat

    def _authorities(self, paths: dict[str, str]) -> None:
        zone, flat = self._values[Group.ZONE], self._values[Group.AUTHORITY]
        if not empty(zone.get("zoneAuthority")):
            place = self._paths[Group.ZONE, "zoneAuthority"]
            found = zone["zoneAuthority"]
            zone["zoneAuthority"] = [self._renamed(one, Group.AUTHORITY, f"{place}[]") for one in listed(found)]
            self._left.extend(self._paths[Group.AUTHORITY, name] for name, value in flat.items() if not empty(value))
        elif not empty(flat):
            zone["zoneAuthority"] = [flat]
            for name in members(Group.AUTHORITY, self._dialect):
                at = f"properties.zoneAuthority[0].{name}"
                paths[at] = self._paths.get((Group.AUTHORITY, name), self._beside(Group.AUTHORITY, name))

    def _periods(self, paths: dict[str, str]) -> None:
        zone, flat, daily = (self._values[group] for group in (Group.ZONE, Group.PERIOD, Group.DAILY))
        if not empty(zone.get(self._times)):
            place = self._paths[Group.ZONE, self._times]
            zone[self._times] = [self._period(one, f"{place}[]") for one in listed(zone[self._times])]
            for group in (Group.PERIOD, Group.DAILY):
                flattened = self._values[group].items()
                self._left.extend(self._paths[group, name] for name, value in flattened if not empty(value))
            return
        if not empty(daily):
            if empty(flat.get("schedule")):
                flat["schedule"] = [daily]
                for name in members(Group.DAILY, self._dialect):
                    at = f"properties.{self._times}[0].schedule[0].{name}"
                    paths[at] = self._paths.get((Group.DAILY, name), self._beside(Group.DAILY, name))
            else:
                self._left.extend(self._paths[Group.DAILY, name] for name, value in daily.items() if not empty(value))
        if not empty(flat):
            zone[self._times] = [self._period(flat, "")]
            for name in members(Group.PERIOD, self._dialect):
                at = f"properties.{self._times}[0].{name}"
                paths[at] = self._paths.get((Group.PERIOD, name), self._beside(Group.PERIOD, name))

    def _beside(self, group: Group, name: str) -> str:
        """The path at which an absent flattened member would be published."""
        first = next(place for (of, _), place in self._paths.items() if of is group or group is Group.PERIOD)
        return f"{first.rpartition('.')[0]}.{name}".lstrip(".")

    def _period(self, value: object, place: str) -> object:
        found = self._renamed(value, Group.PERIOD, place)
        if isinstance(found, dict) and isinstance(found.get("schedule"), (list, dict)):
            at = f"{place}.schedule[]"
            found["schedule"] = [self._renamed(one, Group.DAILY, at) for one in listed(found["schedule"])]
        return found

    def _renamed(self, value: object, group: Group, place: str, *, keep: bool = False) -> object:
        """A group's object under the dialect's names; its other members are dropped, or kept unchanged with `keep`."""
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
        found, place = zone.get("extendedProperties"), self._paths.get((Group.ZONE, "extendedProperties"), "")
        if isinstance(found, dict):
            for key, value in found.items():
                if key not in _READ_EXTENSIONS:
                    self._leave(key, value, f"{place}.")
        elif not empty(found):
            self._left.append(place)
