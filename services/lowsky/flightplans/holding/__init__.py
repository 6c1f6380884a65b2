"""Who may hold airspace: the conflict decision under ordered locks."""
