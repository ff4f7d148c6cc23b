"""Buttons that open a form, where the database takes longer than Discord waits: no form can come after "thinking"."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.client import edge
from bot.domain.ids import GuildId, UserId
from bot.services.policies import Policies
from bot.services.staff import Staff
from sandbox.person import Handle, Person
from tests.cogs.conftest import Stage, asked, clicked

SLOW = "The bot is slow at the moment. Nothing was charged or changed. Click again in a moment."
VIDEO = {"prompt": "a red fox", "model": "grok-imagine"}


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Slow:
    return Slow(monkeypatch)


class Slow:
    """Whatever has to be read takes too long, inside the block."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    @contextmanager
    def __call__(self) -> Iterator[None]:
        with self._monkeypatch.context() as patch:
            patch.setattr(edge, "ONLY_ANSWER", timedelta(0))
            yield


async def said_slowly(slow: Slow, person: Person, target: Handle, button: str) -> None:
    """The click is answered all the same, and works once the store is quick again."""
    with slow():
        handle = await clicked(person, target, button)
    assert handle.modal is None
    assert handle.text() == SLOW

    assert (await clicked(person, target, button)).modal is not None


@pytest.mark.parametrize("button", ["Edit", "Extend"])
async def test_a_post_says_that_the_bot_is_slow(stage: Stage, ana: Person, slow: Slow, button: str) -> None:
    await asked(ana, "/video", **VIDEO)
    _, posted = await stage.delivers()

    with slow():
        handle = await clicked(ana, posted, button)

    assert handle.text() == SLOW
    again = await clicked(ana, posted, button)
    assert again.modal is not None or "What should be done with the video of job 1?" in again.text()


async def test_the_question_about_the_price_says_so(stage: Stage, ana: Person, slow: Slow) -> None:
    staff = Staff(user_id=UserId(9), guild_id=GuildId(stage.guild.id), can_manage=True)
    await Policies(stage.database, stage.clock).change(staff, lambda policy: replace(policy, confirm_above=1))
    question = await asked(ana, "/video", **VIDEO)

    await said_slowly(slow, ana, question, "Edit")


async def test_staff_is_told_so_at_a_jobs_card(stage: Stage, ana: Person, mod: Person, slow: Slow) -> None:
    await asked(ana, "/video", **VIDEO)
    card = await asked(mod, "/moderate job", job=1)

    await said_slowly(slow, mod, card, "Block")
