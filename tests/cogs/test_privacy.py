"""/privacy: everybody takes a copy of their own data or has it deleted, in servers and in direct messages."""

from __future__ import annotations

import gc
import json
import tracemalloc
import zipfile
from io import BytesIO

from cogs.privacy import MOST_COPIES
from sandbox.discord_server import Fault
from sandbox.person import Person
from tests.cogs.conftest import Stage, asked, clicked

MEBIBYTE = 1024 * 1024
PROMPT = "a zebra juggles with burning pineapples"


async def test_copy_is_a_file_with_everything(stage: Stage, ana: Person) -> None:
    await asked(ana, "/video", prompt=PROMPT)

    for channel in (stage.channel, ana.direct_messages):
        handle = await asked(ana, "/privacy export", channel=channel)

        assert handle.message is not None
        (attachment,) = handle.message.attachments
        with zipfile.ZipFile(BytesIO(attachment.path.read_bytes())) as archive:
            data = json.loads(archive.read("data.json"))
        assert data["user"] == str(ana.user.id)
        assert [job["prompt"] for job in data["stored"]["jobs"]] == [PROMPT]
    assert handle.text().startswith("Everything that is stored about you")


async def test_copy_of_large_videos_is_streamed_and_never_held_in_memory(stage: Stage) -> None:
    zoe = Person.joins(stage.server, stage.guild, "zoe", stage.channel, upload_limit=500 * MEBIBYTE)
    await keeps_video(stage, zoe, 48 * MEBIBYTE)
    gc.collect()
    tracemalloc.start()
    try:
        handle = await asked(zoe, "/privacy export")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    # The local Discord is in the same process and counts, too.
    assert peak < 16 * MEBIBYTE
    assert handle.message is not None
    assert handle.message.attachments[0].size > 48 * MEBIBYTE


async def test_place_that_takes_less_than_it_promised_gets_a_copy_without_the_videos(stage: Stage) -> None:
    zoe = Person.joins(stage.server, stage.guild, "zoe", stage.channel, upload_limit=500 * MEBIBYTE)
    await keeps_video(stage, zoe, 12 * MEBIBYTE)
    stage.server.faults.add(Fault(method="PATCH", path=r"/webhooks/.*original", status=413, code=40005))

    handle = await asked(zoe, "/privacy export")

    assert "1 file is gone or did not fit." in handle.text()
    assert handle.message is not None
    assert handle.message.attachments[0].size < MEBIBYTE


async def test_nobody_has_copies_made_without_end(stage: Stage, ana: Person, ben: Person) -> None:
    for _ in range(MOST_COPIES):
        await asked(ana, "/privacy export")

    again = await asked(ana, "/privacy export")

    assert "too fast" in again.text()
    assert "Everything" in (await asked(ben, "/privacy export")).text()


async def keeps_video(stage: Stage, person: Person, size: int) -> None:
    """A job whose video lies in the bot's own folder."""
    await asked(person, "/video", prompt=PROMPT)
    await stage.delivers(1)
    stage.folders.results.mkdir(exist_ok=True)
    with (stage.folders.results / "1.mp4").open("wb") as file:
        file.truncate(size)


async def test_deletion_is_asked_about_and_then_done(stage: Stage, mod: Person, ana: Person) -> None:
    await asked(ana, "/video", prompt=PROMPT)
    await stage.delivers(1)
    await clicked(mod, await asked(mod, "/quota grant", member=ana.member, credits=70), "Give")

    question = await asked(ana, "/privacy delete", channel=ana.direct_messages)
    assert (await stage.job(1)).user_id == ana.user.id
    done = await clicked(ana, question, "Delete my data")

    assert "cannot be undone" in question.text()
    assert "Your bonus is lost: 70 credits." in question.text()
    assert done.text() == "Your data is deleted."
    job = await stage.job(1)
    assert job.user_id < 0
    assert job.video.prompt == ""
    assert await stage.differences() == []


async def test_while_a_video_is_on_its_way_it_is_said_which_and_when(stage: Stage, ana: Person) -> None:
    await asked(ana, "/video", prompt=PROMPT)

    question = await asked(ana, "/privacy delete")
    refused = await clicked(ana, question, "Delete my data")

    assert "cannot be deleted while videos are on their way: 1. Try again <t:" in refused.text()
    assert (await stage.job(1)).video.prompt == PROMPT


async def test_video_cannot_be_made_again_after_its_prompt_is_gone(stage: Stage, ana: Person, ben: Person) -> None:
    await asked(ana, "/video", prompt=PROMPT)
    _, post = await stage.delivers(1)
    await clicked(ana, await asked(ana, "/privacy delete"), "Delete my data")

    handle = await clicked(ben, post, "Again")

    assert "write what the video should show" in handle.text()
