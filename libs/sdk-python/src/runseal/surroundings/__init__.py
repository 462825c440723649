"""What a run happens in: machine, git, the cache of models."""
