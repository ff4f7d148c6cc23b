"""What things are and which rules hold between them: plain Python, no IO, no clock."""
