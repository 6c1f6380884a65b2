"""How many examples the comparisons with the oracle draw.

`LOWSKY_ORACLE_EXAMPLES` asks for so many of each instead of the usual few, and for other ones each time.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

_WANTED = os.environ.get("LOWSKY_ORACLE_EXAMPLES")

PROFILE = settings(
    max_examples=int(_WANTED or 100),
    deadline=None,
    derandomize=_WANTED is None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
TEETH = settings(PROFILE, phases=[Phase.generate], report_multiple_bugs=False, derandomize=True, max_examples=400)
"""No shrinking: a mutant only has to be caught."""
