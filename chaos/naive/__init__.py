"""What one would otherwise write, put through the same: it shows that the layers break what can be broken."""
