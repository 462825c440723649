"""What a run is told to do: command line, YAML, datasets, facts that a person states."""
