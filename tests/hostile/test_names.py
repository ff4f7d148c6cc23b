"""Names and words that are meant as SQL, as a path or as a line of the log stay names and words."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path

import pytest

from bot import logs
from bot.domain.ids import GuildId
from bot.errors.pictures import BadImageError
from bot.media import Pictures
from bot.store import policies
from sandbox.person import Person
from tests.cogs.conftest import Stage, asked, clicked
from tests.logged import logged
from tests.loopback import always, answer, serving
from tests.media.drawings import drawn

NAMES = (
    "'; DROP TABLE jobs; --.png",
    '" OR 1=1 --.png',
    "../../../../tmp/evil.png",
    "..\\..\\evil.png",
    "/etc/passwd",
    "a\x00.png",
    "a.png\n2026-11-21 [error] job_failed job=1",
    "a.png\r\nSet-Cookie: x",
    "\x1b[2J\x1b[31mred.png",
    "\u202egnp.exe",
    "$(touch evil).png",
    "%s%n{0}{job}.png",
    "CON.png",
    "x" * 5000 + ".png",
)
STORED = re.compile(r"[0-9a-f]{40}\.png")


def files_beside(inputs: Path) -> set[Path]:
    """Whatever lies around the folder and not in it."""
    return {path for path in inputs.parent.rglob("*") if path.is_file() and path.parent != inputs}


def leads_out_of(folder: Path, name: str) -> bool:
    return (folder / name).resolve().parent != folder.resolve()


@pytest.mark.parametrize("name", NAMES)
async def test_file_name_decides_nothing(pictures: Pictures, inputs: Path, name: str) -> None:
    before = files_beside(inputs)
    async with serving(always(answer(drawn("PNG")))) as server:
        picture = await pictures.take(server.url, declared_size=100, filename=name)

    assert STORED.fullmatch(picture.name)
    assert not leads_out_of(inputs, str(pictures.path(picture)))
    assert files_beside(inputs) == before
    # The version without a control: the name as it came, in the folder that is meant.
    if name.startswith(("/", "../")):
        assert leads_out_of(inputs, name)


@pytest.mark.parametrize("log_format", ["text", "json"])
async def test_file_name_writes_no_line_of_its_own_into_the_log(pictures: Pictures, log_format: str) -> None:
    with logged() as text:
        logs.setup("DEBUG", log_format, [], text)
        async with serving(always(answer(b"no picture"))) as server:
            for name in NAMES:
                with pytest.raises(BadImageError):
                    await pictures.take(server.url, declared_size=100, filename=name)

    written = text.getvalue().splitlines()
    lines = [line for line in written if "refused_picture_was_called" in line]
    assert len(lines) == len(NAMES)
    assert len(written) == 2 * len(NAMES)
    assert all("picture_refused" in line for line in written if line not in lines)
    assert not any(character in text.getvalue() for character in "\x1b\x00\r")
    if log_format == "json":
        assert [json.loads(line)["filename"] for line in lines] == list(NAMES)


async def test_file_name_is_not_logged_at_the_usual_level(pictures: Pictures) -> None:
    with logged() as text:
        logs.setup("INFO", "text", [], text)
        async with serving(always(answer(b"no picture"))) as server:
            with pytest.raises(BadImageError):
                await pictures.take(server.url, declared_size=100, filename="my-secret-wedding.png")

    assert "picture_refused" in text.getvalue()
    assert "wedding" not in text.getvalue()


def test_line_that_is_put_together_would_be_forged() -> None:
    """The version without a control: a name in the text of a log line."""
    record = logging.LogRecord("bot", logging.INFO, "", 1, f"refused {NAMES[6]}", None, None)

    assert "\n2026-11-21 [error] job_failed" in logging.Formatter().format(record)


async def test_words_are_stored_as_they_were_typed(stage: Stage, ana: Person) -> None:
    mod = Person.joins(stage.server, stage.guild, "Robert'); DROP TABLE accounts; --", stage.channel, is_moderator=True)
    await stage.allow(100_000)
    words = [name for name in NAMES if "\x00" not in name and len(name) < 200]

    for number, text in enumerate(words, start=1):
        await asked(ana, "/video", prompt=text, duration=4, quality="480p")
        question = await asked(mod, "/quota grant", member=ana.member, credits=1, reason=text)
        await clicked(mod, question, "Give")
        assert (await stage.job(number)).video.prompt == text.strip()

    assert await stage.find(len(words) + 1) is None
    assert await stage.differences() == []
    assert (await stage.database.read(policies.load, GuildId(stage.guild.id))).allowance == 100_000
