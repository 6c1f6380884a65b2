"""The life of a plan after its submission: verdicts, activation, off-nominal reports, its end."""
