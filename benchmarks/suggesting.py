"""How long whoever types `/video` waits for suggestions, with every model on offer and all of them used a lot.

From each key until the local Discord has the choices. The bot has every model's full history in its database and reads
it while they type. The baseline suggests nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from random import Random

from sqlalchemy.engine import Connection

from benchmarks.arena import PATIENCE, Arena, Setup, arena
from benchmarks.contenders import Contender, is_measurable
from benchmarks.rows import insert_jobs
from benchmarks.table import Row, percentile
from bot.catalogue import loader
from bot.domain.models import Catalogue, VideoModel
from bot.providers import registry
from bot.store import schema
from bot.store.database import Database
from sandbox.discord_server.composing import Composer
from sandbox.discord_server.interactions import Interaction, Kind
from sandbox.discord_server.world import Channel, Member

MEMBERS, KEYS = 4, 150
PAUSE = 0.1  # seconds between two keys of one member
# Renders of each model and mode; more than the bot looks at.
RENDERS = 300
# What each took, in minutes: no file says so, so a suggestion that says it knows the history.
TOOK = 47

ROWS = (
    Row("p50", "a key typed into /video until its suggestions, all models with full histories, p50", "ms"),
    Row("p99", "the same, p99", "ms"),
    Row("longest", "the same, longest", "ms"),
    Row("processor", "the bot's processor time for that", "ms/key"),
)

# Nobody listens there: the other providers are set up, and none is asked for anything.
NOWHERE = "http://127.0.0.1:9"
BASES = ("GOOGLE_BASE_URL", "REPLICATE_BASE_URL", "HF_BASE_URL", "OPENAI_BASE_URL", "XAI_BASE_URL")


async def play(contender: Contender, seed: int) -> Mapping[str, float]:
    """One round; nothing for the baseline."""
    if contender is Contender.BASELINE:
        return {}
    keys = {entry.key for entry in registry.ENTRIES.values()} - {"KIE_API_KEY"}
    settings = dict.fromkeys(keys, "key-of-nobody-0123456789") | dict.fromkeys(BASES, NOWHERE)
    catalogue = loader.load().catalogue
    async with arena(contender, Setup(settings=settings, prepare=_fill)) as here:
        await here.settled()
        before = here.bot.processor_seconds if is_measurable() else 0.0
        async with asyncio.TaskGroup() as tasks:
            typing = [
                tasks.create_task(_type(here, catalogue, here.channels[number], Random(f"{number} {seed}")))
                for number in range(MEMBERS)
            ]
        waits = [wait for each in typing for wait in each.result()]
        spent = (here.bot.processor_seconds - before) * 1000 / len(waits) if is_measurable() else None
    processor = {} if spent is None else {"processor": spent}
    return {"p50": percentile(waits, 0.5), "p99": percentile(waits, 0.99), "longest": max(waits), **processor}


async def _type(here: Arena, catalogue: Catalogue, channel: Channel, random: Random) -> list[float]:
    """One member's keys: a model's name letter by letter, and then the model's options; how long each waited."""
    if channel.guild is None:
        raise AssertionError("the arena's channels are in its guild")
    member = here.discord.add_member(channel.guild, f"typist of {channel.name}")
    models = [model for model in catalogue.models.values() if model.state == "live"]
    waits: list[float] = []
    while len(waits) < KEYS:
        for option, given in _keys(random.choice(models)):
            waits.append(await _press(here, member, channel, option, given))
            await asyncio.sleep(PAUSE)
    return waits


def _keys(model: VideoModel) -> list[tuple[str, dict[str, str]]]:
    named = [("model", {"model": model.name[:length]}) for length in range(9)]
    return [*named, *((option, {"model": model.id, option: ""}) for option in ("duration", "quality", "aspect"))]


async def _press(here: Arena, member: Member, channel: Channel, option: str, given: dict[str, str]) -> float:
    composed = Composer(here.discord.world, member.user, channel).slash("/video", given, focused=option)
    interaction = here.discord.interactions.start(
        Kind.AUTOCOMPLETE, member.user, channel, composed.data, option_type=composed.focused_type
    )
    await here.discord.changes.until(lambda: interaction.answer is not None, PATIENCE, interaction.topic)
    _check(interaction, option)
    if interaction.answered_at is None:
        raise AssertionError("it was answered just now")
    return (interaction.answered_at - interaction.made_at).total_seconds() * 1000


def _check(interaction: Interaction, option: str) -> None:
    if option == "model" and any(f"{TOOK} min" not in choice["name"] for choice in interaction.choices or ()):
        raise AssertionError(f"these do not know the history: {interaction.choices}")


async def _fill(folder: Path) -> None:
    """A full history of each model and mode, all of the same length."""
    database = Database.connect(f"sqlite+aiosqlite:///{folder / 'cutscene.db'}")
    try:
        await schema.migrate(database)
        await database.write(_insert)
    finally:
        await database.close()


def _insert(connection: Connection) -> None:
    first = 1
    for model in loader.load().catalogue.models.values():
        for mode in model.modes:
            special = {
                "id": "n",
                "interaction_id": "n",
                "model": f"'{model.id}'",
                "mode": f"'{mode.value}'",
                "state": "'delivered'",
                "message_id": "n",
                "is_closed": "1",
                "price": "100",
                "paid_allowance": "100",
                "submitted_at": "n * 1000000",
                "rendered_at": f"n * 1000000 + {TOOK * 60 * 1_000_000}",
                "due_at": "NULL",
            }
            insert_jobs(connection, first, first + RENDERS - 1, special)
            first += RENDERS
