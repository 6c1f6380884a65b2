"""What the stack runs, as data: a new service or console is one more line."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Service:
    """A process of ours that speaks on one loopback port."""

    name: str
    module: str
    """Started as `python -m <module>`."""
    port: int | None = None
    """A fixed port; None takes a free one, and the same again at the next start where it is still free."""
    migrates: bool = True
    """Whether `python -m <module> migrate` runs first."""
    health: Literal["grpc", "http"] = "grpc"
    """grpc.health.v1 for the whole service, or HTTP 200 at /healthz."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Added to the LOWSKY_* variables that every service gets."""

    @property
    def target_variable(self) -> str:
        """The variable by which all processes learn its address, e.g. LOWSKY_FLIGHTPLANS_TARGET."""
        return f"LOWSKY_{self.name.upper().replace('-', '_')}_TARGET"


SERVICES = (
    Service("registration", "lowsky.registration"),
    Service("airspace", "lowsky.airspace"),
    Service("flightplans", "lowsky.flightplans"),
    Service("approvals", "lowsky.approvals"),
)

ISSUER = Service("issuer", "lowsky.local.parts.issuer", migrates=False, health="http")
