"""`python -m bot host ...`: what /host does, on the database of the running bot, which hears of it within seconds."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any

from bot.catalogue import loader
from bot.domain.hosting import NO_LIMIT, usd_of
from bot.domain.ids import GuildId
from bot.domain.models import ModelState
from bot.errors import ConfigurationError
from bot.i18n import Texts, texts
from bot.ports import SystemClock
from bot.rendering import host
from bot.services.availability import Availability
from bot.services.host_limits import Budget
from bot.services.hosting import COMMAND_LINE, Hosting, Owner
from bot.settings import Settings
from bot.store import schema
from bot.store.database import Database, file_of

ENGLISH: Texts = texts("en-US")
US = Owner(user_id=COMMAND_LINE, is_owner=True)

Act = Callable[[Settings, Hosting, argparse.Namespace], Coroutine[Any, Any, list[str]]]


async def status(_settings: Settings, hosting: Hosting, _options: argparse.Namespace) -> list[str]:
    """How the bot is doing: queue, budget, providers."""
    return host.status(ENGLISH, await hosting.status(US), _when)


async def budget(_settings: Settings, hosting: Hosting, options: argparse.Namespace) -> list[str]:
    """Show or set what may be spent, by all or by one server."""
    if options.server is not None:
        named = {"daily": options.daily, "monthly": options.monthly}
        ceilings = {name: NO_LIMIT if value == "" else value for name, value in named.items()}
        terms = await hosting.set_ceiling(US, options.server, **ceilings)
        return host.guilds(ENGLISH, terms, str)
    if options.daily is not None or options.monthly is not None:
        await hosting.set_budget(US, daily=options.daily, monthly=options.monthly)
    return host.budget(ENGLISH, await hosting.budget(US))


async def pause(_settings: Settings, hosting: Hosting, options: argparse.Namespace) -> list[str]:
    """Accept no new videos; what runs goes on."""
    return host.intake(ENGLISH, await hosting.pause(US, options.message))


async def resume(_settings: Settings, hosting: Hosting, _options: argparse.Namespace) -> list[str]:
    """Accept new videos again."""
    return host.intake(ENGLISH, await hosting.resume(US))


async def guilds(_settings: Settings, hosting: Hosting, options: argparse.Namespace) -> list[str]:
    """Show or decide which servers are served."""
    match options.act:
        case "list":
            terms = await hosting.refresh()
        case "invitation-only" | "open-to-all":
            terms = await hosting.invite_only(US, is_invitation_only=options.act == "invitation-only")
        case act:
            if options.server is None:
                raise ConfigurationError([f"host guilds {act}: name the server by its number"])
            terms = await hosting.allow(US, options.server, {"allow": True, "deny": False}.get(act))
    return host.guilds(ENGLISH, terms, str)


async def usage(_settings: Settings, hosting: Hosting, options: argparse.Namespace) -> list[str]:
    """What each server had made, with which models."""
    found = await hosting.usage(US, options.days, options.server)
    return host.usage(ENGLISH, found, hosting.in_usd, str)


async def models(settings: Settings, hosting: Hosting, options: argparse.Namespace) -> list[str]:
    """Show the models, or switch one on or off. What the provider says is known to the running bot only."""
    availability = Availability(loader.load(settings.folders.catalogue).catalogue)
    hosting.listen(lambda terms: availability.decide(terms.models))
    terms = await hosting.refresh()
    if options.model is not None:
        found = availability.catalogue.find(options.model)
        if found is None:
            raise ConfigurationError([f"host models: there is no model {options.model!r}"])
        if options.state is not None:
            state = {"on": ModelState.LIVE, "off": ModelState.PAUSED}.get(options.state)
            terms = await hosting.set_model(US, found.id, state)
    return host.models(ENGLISH, availability.catalogue, terms, availability.is_offered)


async def doctor(_settings: Settings, hosting: Hosting, _options: argparse.Namespace) -> list[str]:
    """Recompute every balance from its entries."""
    return host.ledger(ENGLISH, await hosting.examine(US))


async def stuck(_settings: Settings, hosting: Hosting, _options: argparse.Namespace) -> list[str]:
    """Videos that stand still."""
    return host.stuck(ENGLISH, await hosting.stuck(US), _when, str)


async def orphans(_settings: Settings, hosting: Hosting, _options: argparse.Namespace) -> list[str]:
    """Create calls that the provider never answered."""
    return host.orphans(ENGLISH, await hosting.orphans(US), _when, str, hosting.in_usd)


ACTS: dict[str, Act] = {
    "status": status,
    "budget": budget,
    "pause": pause,
    "resume": resume,
    "guilds": guilds,
    "usage": usage,
    "models": models,
    "doctor": doctor,
    "stuck": stuck,
    "orphans": orphans,
}


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.set_defaults(act_function=status)
    acts = command.add_subparsers(metavar="ACT")
    for name, function in ACTS.items():
        act = acts.add_parser(name, help=function.__doc__, description=function.__doc__)
        act.set_defaults(act_function=function)
        match name:
            case "budget":
                note = "US dollars, none, or default for what the settings say"
                act.add_argument("--daily", type=_budget, help=f"per day: {note}")
                act.add_argument("--monthly", type=_budget, help=f"per month: {note}")
                act.add_argument("--server", type=_guild, help="only for this server")
            case "pause":
                act.add_argument("message", nargs="?", default="", help="what members read")
            case "guilds":
                listed = ("list", "allow", "deny", "forget", "invitation-only", "open-to-all")
                act.add_argument("act", nargs="?", default="list", choices=listed)
                act.add_argument("server", nargs="?", type=_guild, help="the server's number")
            case "usage":
                act.add_argument("--days", type=_days, default=30, help="how many, today included (30)")
                act.add_argument("--server", type=_guild, help="only this server")
            case "models":
                act.add_argument("model", nargs="?", help="which model")
                act.add_argument("state", nargs="?", choices=("on", "off", "auto"))


async def run(settings: Settings, options: argparse.Namespace) -> list[str]:
    """The lines to print. Raises StoreError, or ConfigurationError for what cannot be done."""
    database = Database.connect(settings.database_url)
    try:
        await schema.check(database)
        budget = Budget.of_usd(settings.budget_daily_usd, settings.budget_monthly_usd, settings.price_markup)
        hosting = Hosting(
            database,
            SystemClock(),
            budget=budget,
            bound=settings.discord_guild_ids,
            folder=settings.data_dir,
            database_file=file_of(settings.database_url),
        )
        act: Act = options.act_function
        return await act(settings, hosting, options)
    finally:
        await database.close()


def _budget(text: str) -> str:
    word = text.strip().casefold()
    if word in (NO_LIMIT, "default"):
        return NO_LIMIT if word == NO_LIMIT else ""
    amount = usd_of(word)
    if amount is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no amount of US dollars; write for example 5, 12.50 or none")
    return str(amount)


def _guild(text: str) -> GuildId:
    if not (text.isdecimal() and 0 < int(text[:20]) < 2**63):
        raise argparse.ArgumentTypeError(f"{text!r} is not a server's number")
    return GuildId(int(text))


def _days(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text[:5]) <= 366):
        raise argparse.ArgumentTypeError("write a number from 1 to 366")
    return int(text)


def _when(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
