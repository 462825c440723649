"""What is recorded: events, built and checked as the contracts have them, secrets masked."""
