"""/stats: staff sees what became of the server's videos, with a chart."""

from __future__ import annotations

import asyncio
import csv
import zipfile
from io import BytesIO, StringIO

import pytest
from PIL import Image

from bot.domain.jobs import FailureReason
from sandbox.person import Person
from tests.cogs.conftest import Stage, asked


@pytest.mark.parametrize(("theme", "back"), [("dark", (0x31, 0x33, 0x38)), ("light", (255, 255, 255))])
async def test_staff_sees_sums_and_a_chart(
    stage: Stage, mod: Person, ana: Person, theme: str, back: tuple[int, int, int]
) -> None:
    await asked(ana, "/video", prompt="a red fox")
    await asked(ana, "/video", prompt="a blue fox")
    await stage.delivers(1)
    await stage.fails(2, FailureReason.UPSTREAM, "broken")

    handle = await asked(mod, "/stats", days=7, theme=theme)

    assert handle.is_ephemeral
    assert "The last 7 days" in handle.text()
    assert "2 videos asked for · 1 posted · 1 failed · 124 credits" in handle.text()
    assert f"<@{ana.user.id}> · 124 credits · 2 videos asked for" in handle.text()
    assert handle.message is not None
    (attachment,) = handle.message.attachments
    picture = Image.open(BytesIO(attachment.path.read_bytes())).convert("RGB")
    assert picture.width > 600
    assert picture.getpixel((1, 1)) == back
    assert len(picture.getcolors(100_000) or []) > 10, "something is drawn"


async def test_server_without_videos_is_shown_as_such(stage: Stage, mod: Person) -> None:
    handle = await asked(mod, "/stats")

    assert "The last 30 days" in handle.text()
    assert "0 videos asked for" in handle.text()


async def test_member_is_refused_even_when_the_server_shows_the_command(stage: Stage, ana: Person) -> None:
    handle = await (await ana.types("/stats", force=True)).until(lambda now: now.text())

    assert handle.text() == "Only people who may manage this server can do this."


@pytest.mark.parametrize("what", ["ledger", "jobs"])
async def test_export_hands_out_a_file_in_which_nothing_is_run(
    stage: Stage, mod: Person, ana: Person, what: str
) -> None:
    await asked(ana, "/video", prompt="=1+1 red foxes")
    await stage.delivers(1)

    handle = await mod.types("/export", what=what, days=7)
    await handle.until(lambda now: now.followups, wanted="a file")

    assert handle.is_ephemeral
    (attachment,) = handle.followups[0].attachments
    with zipfile.ZipFile(BytesIO(attachment.path.read_bytes())) as archive:
        text = archive.read(f"{what}-1.csv").decode("utf-8-sig")
    rows = list(csv.DictReader(StringIO(text)))
    if what == "jobs":
        assert [(row["prompt"], row["state"], row["member"]) for row in rows] == [
            ("'=1+1 red foxes", "delivered", f"'{ana.user.id}")
        ]
    else:
        assert sum(int(row["credits"]) for row in rows) == 0
        assert {row["kind"] for row in rows} == {"charge", "settle"}
    async with asyncio.timeout(10):
        while list(stage.inputs.parent.glob("export-*")):
            await asyncio.sleep(0.02)


async def test_export_is_refused_to_members(stage: Stage, ana: Person) -> None:
    handle = await (await ana.types("/export", force=True, what="jobs")).until(lambda now: now.text())

    assert handle.text() == "Only people who may manage this server can do this."
