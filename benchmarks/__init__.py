"""Our bot beside what one would otherwise write, measured against the same local Discord and provider."""
