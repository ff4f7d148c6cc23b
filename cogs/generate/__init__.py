"""/video, and the buttons under what it posts: Again, Edit, Extend, Upscale, Restyle and Delete."""

from cogs.generate.cog import Generate
from cogs.generate.controls import CONTROLS

__all__ = ["CONTROLS", "Generate"]
