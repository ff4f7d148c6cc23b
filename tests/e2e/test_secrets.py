"""Secrets stay where they belong, at the most talkative log level and in every kind of trouble."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import aiohttp

from bot.domain.jobs import JobState
from sandbox.discord_server import Fault, text_of
from sandbox.kie_server import Body, Call, EdgePage, LostAnswer, Refusal, Refusals
from sandbox.person import Person
from tests.e2e.stage import OF_MEMBERS, Stage, asks
from tests.logged import logged
from tests.media.drawings import drawn

WEBHOOK = "webhook-canary-8812"
WORDS = "a very private wedding on the moon"


async def test_nobody_reads_a_secret_anywhere(world: Stage, ada: Person, mod: Person) -> None:
    # Everything that can go wrong says something, and some of it repeats our own requests.
    key = world.kie.api_key
    world.environ.update(KIE_WEBHOOK_KEY=WEBHOOK, LOG_LEVEL="DEBUG")
    secrets = {"the provider's key": key, "the webhook key": WEBHOOK, "the bot's token": world.discord.token}
    world.kie.faults.add(
        Call.CREATE,
        Refusal(code=400, text=f"invalid Authorization: Bearer {key}"),
        Body(f"proxy error for Bearer {key}", status=502),
        Refusals.TOO_MANY,
        containing=OF_MEMBERS,
    )
    world.kie.faults.add(Call.RECORD, LostAnswer(), Body(f'{{"code":500,"msg":"{key}"}}'), EdgePage(502))
    world.kie.faults.add(Call.RESULT, EdgePage(403))
    world.discord.faults.add(Fault(method="POST", path=r"/channels/\d+/messages$", status=503, after_effect=True))

    with logged() as log:
        await world.start()
        handles = [await asks(ada, "/video", prompt=WORDS)]
        await world.until_state(JobState.FAILED)
        handles.append(await asks(ada, "/video", prompt=WORDS))
        await world.until_state(JobState.UNKNOWN, number=2)
        await asks(mod, "/quota default", credits=5000)
        handles.append(await asks(ada, "/video", prompt=WORDS, image=drawn("PNG", (640, 360))))
        await world.until_state(JobState.DELIVERED, number=3, passing=1)
        handles += [await asks(mod, "/jobs show", job=number) for number in (1, 2, 3)]
        metrics_url = f"http://127.0.0.1:{world.environ['HTTP_PORT']}/metrics"
        async with aiohttp.ClientSession() as session, session.get(metrics_url) as answer:
            metrics = await answer.text()
        jobs = [await world.job(number) for number in (1, 2, 3)]
        await world.stop()

    for number, job in enumerate(jobs, start=1):
        secrets[f"the callback secret of job {number}"] = job.callback_secret
        secrets[f"the interaction token of job {number}"] = job.place.interaction_token
    messages = "\n".join(
        text_of(message) for channel in world.guild.channels.values() for message in channel.messages.values()
    )
    direct = "\n".join(map(text_of, world.discord.direct_channel(world.discord.owner).messages.values()))
    places = {
        "the log": log.getvalue(),
        "a message": messages + direct + "\n".join(handle.text() for handle in handles),
        "the metrics": metrics,
    }
    found = [
        f"{what} in {where}" for what, secret in secrets.items() for where, text in places.items() if secret in text
    ]
    assert found == []
    # What people have written is nobody's business but theirs.
    assert WORDS not in log.getvalue()
    assert WORDS not in metrics
    # The database needs the tokens of its jobs, and nothing of the host's.
    dumped = _dump(world.folder / "data" / "cutscene.db")
    assert [
        what for what in ("the provider's key", "the webhook key", "the bot's token") if secrets[what] in dumped
    ] == []


def _dump(path: Path) -> str:
    connection = sqlite3.connect(path)
    try:
        return "\n".join(connection.iterdump())
    finally:
        connection.close()
