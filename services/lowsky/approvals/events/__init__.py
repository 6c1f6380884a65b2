"""Events of flight plans: event in, use case."""
