"""The quality gates, judged where the training runs."""
