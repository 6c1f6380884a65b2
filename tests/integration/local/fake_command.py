"""The command line with the fake service for the real ones: `fake_command.py up|status|down STATE_DIR [--purge]`."""

import sys
from pathlib import Path

from lowsky.local.commands import run_down, run_status, run_up
from lowsky.local.parts.services import Service

FAKE = Service("fake", "fake_service", env={"PYTHONPATH": str(Path(__file__).parent)})

command, state_dir = sys.argv[1], Path(sys.argv[2])
match command:
    case "up":
        sys.exit(run_up(state_dir, (FAKE,), attach="--attach" in sys.argv))
    case "status":
        sys.exit(run_status(state_dir))
    case "down":
        sys.exit(run_down(state_dir, purge="--purge" in sys.argv))
