"""One training of a Hugging Face trainer, as a run: seen from inside, or by its files."""
