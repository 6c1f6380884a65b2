"""Events of flight plans, applied to their cases."""
