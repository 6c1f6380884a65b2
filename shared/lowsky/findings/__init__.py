"""What the checks find about a flight, and how it is stated."""
