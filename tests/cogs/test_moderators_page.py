"""The moderators' page shows what the bot really answers: this plays the page and compares.

`WRITE_PAGES=1 python -m pytest tests/cogs/test_moderators_page.py` writes what is true into it.
"""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sandbox.person import Handle, Person
from tests.cogs.conftest import Stage, asked, clicked

PAGE = Path(__file__).parents[2] / "docs" / "moderators.md"
CARD = re.compile(r"<!-- card: (?P<name>\w+) -->\n```text\n(?P<text>.*?)```", re.DOTALL)


def readable(handle: Handle, *people: Person) -> str:
    """The answer as a person sees it: names for mentions, no numbers that are others every time."""
    text = handle.text()
    for person in people:
        text = text.replace(f"<@{person.user.id}>", f"@{person.name}")
    text = re.sub(r"<t:\d+:R>", "in a while", text)
    text = re.sub(r"<t:(\d+):[fF]>", lambda found: f"{moment(found[1]):%d %B %Y %H:%M}", text)
    text = re.sub(r"<t:(\d+):[tT]>", lambda found: f"{moment(found[1]):%H:%M}", text)
    text = re.sub(r"https://discord.com/channels/\S+", "https://discord.com/channels/…", text)
    return text.replace("\u200b", "").strip() + "\n"


def moment(seconds: str) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


async def played(stage: Stage, mod: Person, ana: Person, ben: Person) -> dict[str, str]:
    """The evening of the page."""
    people = (mod, ana, ben)
    cards: dict[str, str] = {}
    await asked(mod, "/words add", word="dragon*")
    tried = await asked(mod, "/words test", text="two dr4g0ns in the sky")
    cards["words"] = readable(tried, *people)
    await asked(ben, "/video", prompt="d r a g o n s")
    await asked(ana, "/video", prompt="a red fox")
    _, post = await stage.delivers(1, credits=100)
    form = await clicked(ben, post, "Report")
    answer = await ben.submits(form, **{"What is wrong with it?": "that is my fox"})
    await answer.until(lambda now: not now.is_thinking and now.text(), wanted="an answer")
    cards["job"] = readable(await asked(mod, "/moderate job", job=1), *people)
    await clicked(mod, await asked(mod, "/moderate job", job=1), "Refund")
    await asked(ana, "/video", prompt="another fox")
    block = await asked(mod, "/moderate block", member=ana.member, reason="not their fox", expiry="3d")
    cards["block"] = readable(block, *people)
    cards["stop"] = readable(await asked(mod, "/moderate stop", reason="raid"), *people)
    await asked(mod, "/moderate resume")
    cards["log"] = readable(await asked(mod, "/moderate log"), *people)
    cards["stats"] = readable(await asked(mod, "/stats", days=7), *people)
    return cards


async def test_every_card_of_the_page_is_what_the_bot_answers(
    stage: Stage, mod: Person, ana: Person, ben: Person
) -> None:
    cards = await played(stage, mod, ana, ben)
    page = PAGE.read_text(encoding="utf-8")
    if os.environ.get("WRITE_PAGES"):
        page = CARD.sub(lambda found: f"<!-- card: {found['name']} -->\n```text\n{cards[found['name']]}```", page)
        PAGE.write_text(page, encoding="utf-8")

    shown = {found["name"]: found["text"] for found in CARD.finditer(page)}

    assert shown == cards


@pytest.mark.parametrize("wrong", ["\t", "TODO"])
def test_the_page_is_finished(wrong: str) -> None:
    assert wrong not in PAGE.read_text(encoding="utf-8")
