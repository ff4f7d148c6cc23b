"""The product: everything of Cutscene except its Discord commands, which live in `cogs`."""
