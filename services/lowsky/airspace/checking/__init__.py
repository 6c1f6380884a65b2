"""What a flight would meet, without a plan."""
