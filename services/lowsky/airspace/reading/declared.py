"""What a publisher says of a file beyond what is in it."""

from __future__ import annotations

from dataclasses import dataclass

from lowsky.geo.reference_systems import ReferenceSystem


@dataclass(frozen=True, slots=True)
class Declared:
    """What is said; as it is by default, nothing: the file speaks for itself."""

    reference_system: ReferenceSystem = ReferenceSystem.WGS_84
    """Of all its coordinates."""


AS_PUBLISHED = Declared()
"""The file speaks for itself."""
