"""Where registration tells what happened."""

TOPIC = "lowsky.operators.v1"
