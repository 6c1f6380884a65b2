"""FlightPlansService: a request in, a use case, an answer out."""
