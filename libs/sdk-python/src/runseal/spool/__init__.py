"""Where accepted events wait on the disk. The format is shared with the TypeScript client."""
