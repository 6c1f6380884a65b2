"""The demo: the whole story, played with real calls on a real stack over a sample airspace."""
