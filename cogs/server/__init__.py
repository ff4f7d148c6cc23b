"""/server: how the bot behaves in a server, set by its staff with menus, buttons and forms."""

from cogs.server.cog import ServerCog
from cogs.server.controls import CONTROLS

__all__ = ["CONTROLS", "ServerCog"]
