"""The handle of a run and what it does with what it is told."""
