"""Schema changes, oldest first; never edited after a release."""
