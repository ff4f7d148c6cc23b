"""Secrets stay where they belong, at the most talkative log level and in every kind of trouble."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest

from bot import logs
from bot.domain.jobs import JobState, Result
from bot.ports import Downloads
from bot.providers.kie import Kie
from bot.services.credits import Credits
from bot.settings import SECRETS
from bot.store import backups
from sandbox.discord_server import Fault, text_of
from sandbox.kie_server import Body, Call, Download, EdgePage, LostAnswer, Refusal, Refusals, Scenario
from sandbox.person import Person
from tests.e2e.conftest import BugWatch
from tests.e2e.stage import OF_MEMBERS, Stage, asks, clicks, free_port
from tests.logged import logged
from tests.media.drawings import drawn

WEBHOOK = "webhook-canary-8812"
ROOT = Path(__file__).parents[2]
BUCKET = {
    "S3_ENDPOINT_URL": "http://127.0.0.1:9",  # Nobody listens; nothing here is too large to be posted.
    "S3_BUCKET": "videos",
    "S3_REGION": "eu-central-1",
    "S3_ACCESS_KEY_ID": "AKIDCANARY6634",
    "S3_SECRET_ACCESS_KEY": "bucket-canary-2209",
}
# The other vendors, at an address where nobody listens.
NOBODY = "http://127.0.0.1:9"
VENDORS = {
    "OPENAI_API_KEY": "openai-canary-1101",
    "OPENAI_WEBHOOK_KEY": "whsec_b3BlbmFpLWNhbmFyeS0xMTAy",
    "XAI_API_KEY": "xai-canary-1103",
    "GOOGLE_API_KEY": "google-canary-1104",
    "REPLICATE_API_TOKEN": "replicate-canary-1105",
    "REPLICATE_WEBHOOK_KEY": "whsec_cmVwbGljYXRlLWNhbmFyeS0xMTA2",
    "HF_API_TOKEN": "hf-canary-1107",
    "IMGBB_API_KEY": "imgbb-canary-1108",
    "ASSIST_API_KEY": "assist-canary-1109",
    "MODERATION_API_KEY": "moderation-canary-1110",
}
ADDRESSES = {
    "OPENAI_BASE_URL": f"{NOBODY}/v1",
    "XAI_BASE_URL": f"{NOBODY}/v1",
    "GOOGLE_BASE_URL": NOBODY,
    "REPLICATE_BASE_URL": NOBODY,
    "HF_BASE_URL": NOBODY,
    "IMGBB_BASE_URL": NOBODY,
    "ASSIST_BASE_URL": f"{NOBODY}/v1",
    "MODERATION_BASE_URL": f"{NOBODY}/v1",
}
WORDS = "a very private wedding on the moon"


async def test_nobody_reads_a_secret_anywhere(world: Stage, ada: Person, mod: Person) -> None:
    # Everything that can go wrong says something, and some of it repeats our own requests.
    key = world.kie.api_key
    world.environ.update(KIE_WEBHOOK_KEY=WEBHOOK, LOG_LEVEL="DEBUG", **BUCKET, **VENDORS, **ADDRESSES)
    secrets = hosts_secrets(world)
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
        pages = pages_of(world)  # With what only stands in the write-ahead log yet.
        backup = world.folder / "backup.db"
        await asyncio.to_thread(backups.back_up, world.folder / "data" / "cutscene.db", backup, world.clock.now())
        await world.stop()

    hosts = dict(secrets)
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
    files = {**pages, "the backup": backup.read_bytes(), **pages_of(world)}
    assert WORDS.encode() in b"".join(files.values())
    assert [
        f"{what} in {name}" for what, secret in hosts.items() for name in files if secret.encode() in files[name]
    ] == []


async def test_no_host_of_files_is_shown_a_key(stage: Stage, ada: Person) -> None:
    """Pictures, posted videos and results all lie where strangers keep files, and no address there is one of ours."""
    stage.kie.scenarios.next(Scenario(download=Download(status=403)))  # So the second look is by a temporary link.

    await ada.types("/video", prompt=WORDS, model="grok-imagine", image=drawn("PNG", (640, 360)))
    posted = await ada.waits_for_video()
    await stage.until_state(JobState.DELIVERED)
    await clicks(ada, await clicks(ada, posted, "Upscale"), "Topaz · 2x · 48 credits")
    await ada.waits_for_video()
    await stage.until_state(JobState.DELIVERED, number=2)

    assert stage.kie.counts[Call.DOWNLOAD_LINK] == 1
    assert stage.kie.counts[Call.RESULT] >= 3
    assert stage.kie.leaks == []
    assert stage.discord.leaks == []


async def test_key_that_went_along_with_a_download_would_be_noticed(
    stage: Stage, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def tells_everything(self: Kie, result: Result, to: Path, downloads: Downloads) -> int:
        return await downloads.fetch(result.url, to, self._http.credentials(result.url))

    monkeypatch.setattr(Kie, "fetch", tells_everything)

    await ada.types("/video", prompt=WORDS)
    await stage.until_state(JobState.FAILED, passing=5)

    assert {leak.place for leak in stage.kie.leaks} == {"authorization"}
    stage.kie.leaks.clear()  # It was broken on purpose.


@pytest.mark.parametrize("log_format", ["text", "json"])
async def test_exception_that_carries_every_secret_shows_none(
    world: Stage, ada: Person, bugs: BugWatch, monkeypatch: pytest.MonkeyPatch, log_format: str
) -> None:
    """With the log set up as the product does it; what no masking has touched is kept beside it, as a control."""
    world.environ.update(KIE_WEBHOOK_KEY=WEBHOOK, LOG_LEVEL="DEBUG", **BUCKET, **VENDORS, **ADDRESSES)
    secrets = hosts_secrets(world)

    async def breaks(*_: object) -> None:
        raise RuntimeError(f"while using {secrets}") from ValueError(" ".join(secrets.values()))

    monkeypatch.setattr(Credits, "balance", breaks)
    with logged():
        stream = io.StringIO()
        logs.setup("DEBUG", log_format, world.settings().redact, stream)
        logging.getLogger().addHandler(bugs)
        await world.start()
        handle = await asks(ada, "/credits balance")
        await world.stop()

    log = stream.getvalue()
    assert "Traceback" in log
    assert log.count(logs.MASK) >= len(secrets)
    assert [what for what, secret in secrets.items() if secret in log + handle.text()] == []
    assert [what for what, secret in secrets.items() if secret not in "".join(bugs.met)] == []
    bugs.met.clear()  # It was broken on purpose.


def test_password_of_a_database_that_does_not_answer_is_not_shown(world: Stage) -> None:
    password = "canary p@ss/word 4471"
    url = f"postgresql+asyncpg://bot:{quote(password, safe='')}@127.0.0.1:{free_port()}/bot"
    environ = {**os.environ, **world.environ, "DATABASE_URL": url, "LOG_LEVEL": "DEBUG", "PYTHONPATH": str(ROOT)}

    ran = subprocess.run(
        [sys.executable, "-m", "bot"],
        env=environ,
        cwd=world.folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    said = ran.stdout + ran.stderr
    assert ran.returncode not in (0, 1)
    assert said
    assert [part for part in (password, quote(password, safe=""), quote(password)) if part in said] == []


def hosts_secrets(world: Stage) -> dict[str, str]:
    """Every secret that the host's settings hold."""
    return {
        "the provider's key": world.kie.api_key,
        "the webhook key": WEBHOOK,
        "the bot's token": world.discord.token,
        "the bucket's key": BUCKET["S3_ACCESS_KEY_ID"],
        "the bucket's secret": BUCKET["S3_SECRET_ACCESS_KEY"],
        **VENDORS,
    }


def test_every_secret_of_the_settings_is_planted(world: Stage) -> None:
    world.environ.update(KIE_WEBHOOK_KEY=WEBHOOK, **BUCKET, **VENDORS, **ADDRESSES)

    planted = set(hosts_secrets(world).values())

    # The database's address is a secret of its own kind; see the test of its password.
    assert {world.environ[name] for name in SECRETS if name != "DATABASE_URL"} == planted
    assert set(world.settings().redact) == planted


def pages_of(world: Stage) -> dict[str, bytes]:
    """The database's files as they lie on the disk, whatever is in them."""
    return {path.name: path.read_bytes() for path in (world.folder / "data").glob("cutscene.db*")}
