"""/words: what a server does not let prompts say, and what members are told then."""

from __future__ import annotations

from datetime import timedelta

from sandbox.person import Person
from tests.cogs.conftest import Stage, asked, clicked


async def test_forbidden_word_is_refused_in_commands_edits_and_repeats(stage: Stage, mod: Person, ana: Person) -> None:
    await asked(ana, "/video", prompt="a dragon")
    await asked(ana, "/video", prompt="a red fox")
    _, dragon = await stage.delivers(1)
    _, fox = await stage.delivers(2)

    added = await asked(mod, "/words add", word="dragon")
    typed = await asked(ana, "/video", prompt="a d r a g o n in the sky")
    again = await clicked(ana, dragon, "Again")
    form = await clicked(ana, fox, "Edit")
    edited = await ana.submits(form, Prompt="a drаgоn")
    await edited.until(lambda now: not now.is_thinking and now.text(), wanted="an answer")

    assert added.text() == "Prompts that say `dragon` are refused from now on."
    for refused in (typed, again, edited):
        assert refused.text() == (
            "This server does not allow what the prompt says. Nothing was charged; write it differently."
        )
    assert await stage.find(3) is None
    assert await stage.differences() == []


async def test_list_is_shown_tried_and_shortened(stage: Stage, mod: Person) -> None:
    await asked(mod, "/words add", word="dragon*")
    await asked(mod, "/words pattern", pattern=r"fire\w*")
    twice = await asked(mod, "/words add", word="dragon*")
    listed = await asked(mod, "/words list")
    tried = await asked(mod, "/words test", text="two dr@gons")
    fine = await asked(mod, "/words test", text="a red fox")
    offered = await mod.suggestions("/words remove", "entry", "fi")
    await asked(mod, "/words remove", entry=r"fire\w*")
    gone = await asked(mod, "/words remove", entry=r"fire\w*")

    assert twice.text() == "`dragon*` is in the list already."
    assert "word: `dragon*`" in listed.text()
    assert "pattern: `fire\\w*`" in listed.text()
    assert "2 of 300 entries" in listed.text()
    assert tried.text() == "A prompt like this is refused: word `dragon*`."
    assert fine.text() == "A prompt like this is let through."
    assert [choice.value for choice in offered] == [r"fire\w*"]
    assert gone.text() == "`fire\\w*` is not in this server's list."


async def test_pattern_that_could_take_for_ever_is_refused_with_the_reason(stage: Stage, mod: Person) -> None:
    handle = await asked(mod, "/words pattern", pattern=r"(?=a)b")

    assert "invalid perl operator: (?=" in handle.text()
    assert "Look-around and back-references are not possible" in handle.text()


async def test_who_farms_refusals_has_to_wait_for_the_next_hour(stage: Stage, mod: Person, ana: Person) -> None:
    await asked(mod, "/words add", word="dragon")
    for _ in range(5):
        await asked(ana, "/video", prompt="dragon")

    refused = await asked(ana, "/video", prompt="a red fox")
    stage.clock.advance(timedelta(hours=1))
    await asked(ana, "/video", prompt="a red fox")

    assert "Your last prompts were refused 5 times within an hour" in refused.text()
    assert (await stage.job(1)).user_id == ana.user.id
