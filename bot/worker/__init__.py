"""The engine: due jobs are claimed, a step does the network work, its move is written."""
