"""/privacy: everybody takes a copy of their own data or has it deleted, in servers and in direct messages."""

from __future__ import annotations

import json
import zipfile
from io import BytesIO

from sandbox.person import Person
from tests.cogs.conftest import Stage, asked, clicked

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
