"""Events of other services: projected into memory, or applied to plans."""
