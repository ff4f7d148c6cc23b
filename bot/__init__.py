"""The product: everything of Cutscene except its Discord commands, which live in `cogs`."""

__version__ = "0.1.0"  # The same as in pyproject.toml; tests/providers/test_transport.py holds them together.
