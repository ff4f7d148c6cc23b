"""The connection to Discord: the client, its command tree, and the one edge where errors become messages."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from typing import Any

import aiohttp
import discord
import yarl
from discord.ext import commands
from discord.gateway import DiscordWebSocket

from bot import logs
from bot.client.assignments import Assignments
from bot.client.command_tree import EdgeTree, Memory, Translations, sync
from bot.client.edge import (
    Deferral,
    Edge,
    InteractionGoneError,
    at_once,
    defer,
    guarded,
    in_time,
    is_answered,
    show,
)
from bot.client.permissions import missing_permissions
from bot.domain.ids import GuildId, UserId
from bot.errors import ConfigurationError, UnreachableError
from bot.errors.requests import StaleControlError, StaleFormError

__all__ = [
    "CutsceneClient",
    "Deferral",
    "DynamicItemType",
    "Edge",
    "InteractionGoneError",
    "Memory",
    "at_once",
    "defer",
    "guarded",
    "in_time",
    "is_answered",
    "missing_permissions",
    "point_library_at",
    "show",
]

log = logs.get(__name__)

DynamicItemType = type[discord.ui.DynamicItem[discord.ui.Item[Any]]]

# Nothing here needs every guild in memory; interactions bring what they are about.
GUILD_READY_TIMEOUT = 0.2
# The library waits for rate limits by itself; longer than this the worker's own back-off is the better place.
LONGEST_RATE_LIMIT = 60.0

# How long people who have just asked for something may still get their answer when the process ends.
LAST_ANSWERS = timedelta(seconds=3)

# Close codes of the gateway (Discord's documentation, "Gateway Close Event Codes").
AUTHENTICATION_FAILED = 4004

TOKEN_ADVICE = "Get it at https://discord.com/developers/applications: your application, Bot, Reset Token."  # noqa: S105 - A text about it.  # nosec B105


def point_library_at(api_url: str, gateway_url: str) -> None:
    """Send the library's REST calls and its gateway connection to these addresses. Before any client logs in."""
    # The library warns at every start that it could not speak; nobody asks it to.
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
    discord.http.Route.BASE = api_url.rstrip("/")
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway_url)


def everywhere(_guild_id: GuildId) -> bool:
    """For a bot whose host leaves no server out."""
    return True


class CutsceneClient(commands.Bot):
    """The bot's connection. Holds no state of ours that has to survive it."""

    def __init__(
        self,
        *,
        memory: Memory,
        cogs: Sequence[commands.Cog] = (),
        dynamic_items: Sequence[DynamicItemType] = (),
        is_served: Callable[[GuildId], bool] = everywhere,
        owner_ids: Collection[UserId] = (),
    ) -> None:
        # Before the library's own start: the tree it builds reads it.
        self.edge = Edge(is_served)
        super().__init__(
            command_prefix=(),
            help_command=None,
            tree_cls=EdgeTree,
            intents=discord.Intents(guilds=True),
            allowed_mentions=discord.AllowedMentions.none(),
            owner_ids=set(owner_ids),
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            guild_ready_timeout=GUILD_READY_TIMEOUT,
            max_ratelimit_timeout=LONGEST_RATE_LIMIT,
        )
        self.command_ids: dict[str, int] = {}
        self.assignments = Assignments(self)
        self._memory = memory
        self._first_cogs = tuple(cogs)
        self._first_dynamic_items = tuple(dynamic_items)
        self._templates: set[re.Pattern[str]] = set()
        self._has_session = False
        self._unheard: set[int] = set()

    @property
    def is_connected(self) -> bool:
        """Whether events arrive at this moment."""
        return self._has_session and not self.is_closed()

    def command_mention(self, name: str) -> str:
        """`/jobs list` as something to click on, as soon as Discord has told the command's id."""
        command_id = self.command_ids.get(name.partition(" ")[0])
        return f"`/{name}`" if command_id is None else f"</{name}:{command_id}>"

    async def start(self, token: str, *, reconnect: bool = True) -> None:
        """Log in and stay connected; closed when it returns.

        Raises ConfigurationError when the host has to act, UnreachableError when starting again may help.
        """
        try:
            await super().start(token, reconnect=reconnect)
        except discord.LoginFailure as err:
            raise ConfigurationError([f"DISCORD_TOKEN: Discord refuses it. {TOKEN_ADVICE}"]) from err
        except discord.PrivilegedIntentsRequired as err:
            raise ConfigurationError(
                ["DISCORD_TOKEN: Discord does not let this application have the intents that the bot asks for."]
            ) from err
        except discord.ConnectionClosed as err:
            if err.code == AUTHENTICATION_FAILED:
                raise ConfigurationError([f"DISCORD_TOKEN: Discord no longer accepts it. {TOKEN_ADVICE}"]) from err
            raise
        except discord.NotFound as err:
            raise ConfigurationError(
                ["DISCORD_API_URL: what answers there is not Discord. Example: https://discord.com/api/v10"]
            ) from err
        except (discord.DiscordServerError, aiohttp.ClientConnectionError, OSError) as err:
            raise UnreachableError(f"Discord cannot be reached at {discord.http.Route.BASE}: {err}") from err
        except AttributeError as err:
            # The library's own: when the very first connection to the gateway is refused it looks at a socket that
            # it does not have. Later ones it repeats by itself.
            if self.ws is not None:
                raise
            raise UnreachableError("Discord's gateway cannot be reached. See DISCORD_GATEWAY_URL.") from err
        finally:
            await self.close()

    async def close(self) -> None:
        """Leave Discord, once whoever has asked for something is answered: nothing may need us afterwards."""
        await self.edge.settle(LAST_ANSWERS)
        await super().close()

    async def setup_hook(self) -> None:
        await self.tree.set_translator(Translations())
        self.add_dynamic_items(*self._first_dynamic_items)
        for cog in self._first_cogs:
            await self.add_cog(cog)
        if self.application_id is None:  # The library sets it when it logs in.
            raise RuntimeError("logged in without an application")
        self.command_ids = await sync(self.tree, self._memory, discord.http.Route.BASE, self.application_id)

    def add_dynamic_items(self, *items: DynamicItemType) -> None:
        super().add_dynamic_items(*items)
        self._templates |= {item.__discord_ui_compiled_template__ for item in items}

    # Events.

    def dispatch(self, event_name: str, /, *args: Any, **kwargs: Any) -> None:
        # Whether anything listens to a control has to be asked right here, between the library finding its listeners
        # and their first step: a view may stop listening as the first thing it does.
        if event_name == "interaction" and not self._is_heard(args[0]):
            self._unheard.add(args[0].id)
        super().dispatch(event_name, *args, **kwargs)

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        if interaction.id in self._unheard:
            self._unheard.discard(interaction.id)
            log.info("stale_control", custom_id=interaction.custom_id)
            is_form = interaction.type is discord.InteractionType.modal_submit
            await self.edge.answer(interaction, StaleFormError() if is_form else StaleControlError())

    async def on_raw_app_command_permissions_update(self, event: discord.RawAppCommandPermissionsUpdateEvent) -> None:
        self.assignments.forget(GuildId(event.guild.id))

    async def on_connect(self) -> None:
        self._has_session = True

    async def on_resumed(self) -> None:
        self._has_session = True

    async def on_disconnect(self) -> None:
        self._has_session = False

    def _is_heard(self, interaction: discord.Interaction) -> bool:
        """Whether a click or a submitted form reaches somebody. The library drops the others without a word."""
        custom_id = interaction.custom_id
        if custom_id is None:
            return True
        # Which views and modals are open only the library's own store knows; a test holds these names.
        store = self._connection._view_store
        if interaction.type is discord.InteractionType.modal_submit:
            return custom_id in store._modals
        if interaction.type is not discord.InteractionType.component:
            return True
        if any(template.fullmatch(custom_id) for template in self._templates):
            return True
        message_id = None if interaction.message is None else interaction.message.id
        data: Any = interaction.data or {}
        component = (data.get("component_type"), custom_id)
        return any(component in store._views.get(place, {}) for place in (message_id, None))
