"""Following logs into memory, and the copy on disk."""
