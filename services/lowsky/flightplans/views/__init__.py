"""Who may read which plans, and the streams of their changes."""
