"""Which registered authorities decide for a zone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from lowsky.geo.zones.geozone import Geozone, LocalizedText, Purpose, Restriction, ZoneAuthority

_DECIDED = frozenset({Restriction.REQ_AUTHORIZATION, Restriction.CONDITIONAL})
"""Somebody has to decide, whether the zone says who or not. In a U-space zone only where it names somebody."""


def normal(name: str) -> str:
    """A name as it is compared: without regard to case and to how many spaces."""
    return " ".join(name.casefold().split())


@dataclass(frozen=True, slots=True)
class Directory:
    """Published names of authorities and whom they stand for, and who stands in for those that are not registered."""

    authorities: Mapping[str, str]
    """Normal name to `authorities/x`."""
    default: str
    default_title: str

    @classmethod
    def of(
        cls, registered: Iterable[tuple[str, str]], said: Mapping[str, str], default: str, default_title: str
    ) -> Directory:
        """Of registered authorities (resource name, display name) and what the publisher says, which goes first.

        A display name that two authorities bear stands for neither.
        """
        found: dict[str, str | None] = {}
        for name, display_name in registered:
            key = normal(display_name)
            found[key] = None if key in found else name
        found |= {normal(published): authority for published, authority in said.items()}
        return cls({key: name for key, name in found.items() if name is not None}, default, default_title)

    def find(self, authority: ZoneAuthority) -> str | None:
        """The registered authority that a published one stands for, by its name in any language."""
        return next((self.authorities[key] for text in authority.names if (key := normal(text.text)) in self), None)

    def __contains__(self, normal_name: str) -> bool:
        return normal_name in self.authorities


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to tell the publisher about a zone's authorities; `field` is its path in the published zone."""

    reason: str
    field: str
    message: str


def resolve(zone: Geozone, directory: Directory) -> tuple[Geozone, tuple[Remark, ...]]:
    """The zone with its authorities matched to registered ones, and what is to be told of it.

    Where a decision is needed and no one registered is named for it, or one named is not registered, the dataset's
    authority decides, beside the others: no required decision is lost.
    """
    remarks: list[Remark] = []
    authorities: list[ZoneAuthority] = []
    for place, published in enumerate(zone.authorities):
        found = directory.find(published)
        authorities.append(replace(published, authority=found))
        if found is None and published.purpose is not Purpose.INFORMATION:
            title = published.names[0].text if published.names else "without a name"
            remarks.append(
                Remark(
                    "AUTHORITY_NOT_REGISTERED",
                    f"zoneAuthority[{place}].name",
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
            Remark("AUTHORITY_DEFAULTED", "zoneAuthority", f"{directory.default} decides, the dataset's own")
        )
    return replace(zone, authorities=tuple(authorities), publisher=directory.default), tuple(remarks)
