"""What a flight meets: it is drawn, held against the zones in force, and each zone that it enters is a finding.

One code for flightplans, which decides by it, and for airspace, which tells planning tools: both find the same.
"""
