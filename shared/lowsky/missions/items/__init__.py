"""The items of a mission file: MAVLink commands, jumps, survey patterns."""
