"""Which registered authorities decide for a zone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from lowsky.geo.zones.geozone import Geozone, LocalizedText, Purpose, Restriction, ZoneAuthority

_DECIDED = frozenset({Restriction.REQ_AUTHORIZATION, Restriction.CONDITIONAL})
"""An authority must decide, whether or not the zone names one. In a U-space zone only where it names one."""


def normal(name: str) -> str:
    """A name normalised for comparison: case and the number of spaces do not matter."""
    return " ".join(name.casefold().split())


@dataclass(frozen=True, slots=True)
class Directory:
    """Maps published names to registered authorities; the default one decides for names that are not registered."""

    authorities: Mapping[str, str]
    """Normal name to `authorities/x`."""
    default: str
    default_title: str

    @classmethod
    def of(
        cls, registered: Iterable[tuple[str, str]], declared: Mapping[str, str], default: str, default_title: str
    ) -> Directory:
        """From registered authorities (resource name, display name) and the publisher's own names, which go first.

        A display name that two authorities share stands for neither.
        """
        found: dict[str, str | None] = {}
        for name, display_name in registered:
            key = normal(display_name)
            found[key] = None if key in found else name
        found |= {normal(published): authority for published, authority in declared.items()}
        return cls({key: name for key, name in found.items() if name is not None}, default, default_title)

    def find(self, authority: ZoneAuthority) -> str | None:
        """The registered authority that a published one stands for, by its name in any language."""
        return next((self.authorities[key] for text in authority.names if (key := normal(text.text)) in self), None)

    def __contains__(self, normal_name: str) -> bool:
        return normal_name in self.authorities


@dataclass(frozen=True, slots=True)
class Remark:
    """A note to the publisher about a zone's authorities; `field` is the path in the published zone."""

    reason: str
    field: str
    message: str


def resolve(zone: Geozone, directory: Directory) -> tuple[Geozone, tuple[Remark, ...]]:
    """The zone with its authorities matched to registered ones, and remarks for the publisher.

    Where a decision is needed and no one registered is named for it, or one named is not registered, the dataset's
    authority decides, beside the others: no required decision is lost.
    """
    remarks: list[Remark] = []
    authorities: list[ZoneAuthority] = []
    for index, published in enumerate(zone.authorities):
        found = directory.find(published)
        authorities.append(replace(published, authority=found))
        if found is None and published.purpose is not Purpose.INFORMATION:
            title = published.names[0].text if published.names else "without a name"
            remarks.append(
                Remark(
                    "AUTHORITY_NOT_REGISTERED",
                    f"zoneAuthority[{index}].name",
                    f"no registered authority is known as {title}",
                )
            )
    deciding = [authority for authority in authorities if authority.purpose is Purpose.AUTHORIZATION]
    needed = zone.restriction in _DECIDED or (zone.restriction is Restriction.USPACE and deciding)
    if needed and (not deciding or any(authority.authority is None for authority in deciding)):
        if not any(authority.authority == directory.default for authority in deciding):
            names = (LocalizedText(directory.default_title),)
            authorities.append(ZoneAuthority(names, Purpose.AUTHORIZATION, authority=directory.default))
        remarks.append(
            Remark("AUTHORITY_DEFAULTED", "zoneAuthority", f"{directory.default}, as the dataset's authority, decides")
        )
    return replace(zone, authorities=tuple(authorities), publisher=directory.default), tuple(remarks)
