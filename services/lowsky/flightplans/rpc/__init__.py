"""FlightPlansService: each call converts its request, runs a use case and converts the result."""
