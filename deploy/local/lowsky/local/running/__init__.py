"""Processes of the local stack: started, found, recorded, probed."""
