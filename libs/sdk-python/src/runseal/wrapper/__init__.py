"""`runseal run`: in front of a command whose code knows nothing of us."""
