"""The commands beside /video: what members, staff and strangers are told."""

from __future__ import annotations

from typing import Any

import pytest

from bot.domain.jobs import JobState
from bot.i18n import texts
from sandbox.discord_server import NotOfferedError
from sandbox.kie_server import Failures, Scenario
from sandbox.person import Person
from tests.e2e.stage import FOX, PRICE, Stage, asks, clicks, is_private


@pytest.fixture
async def done(stage: Stage, ada: Person) -> None:
    """Ada has one posted video."""
    await ada.types("/video", prompt=FOX)
    await ada.waits_for_video()
    await stage.until_state(JobState.DELIVERED)


async def test_jobs_list_shows_the_members_own_and_leads_to_the_video(
    stage: Stage, done: None, ada: Person, bob: Person
) -> None:
    handle = await asks(ada, "/jobs list")
    others = await asks(bob, "/jobs list")

    [posted] = stage.posts()
    assert is_private(handle)
    assert FOX in handle.text()
    assert f"/{stage.channel.id}/{posted.id}" in handle.text()
    assert FOX not in others.text()
    assert "/video" in others.text()


async def test_jobs_list_has_pages(stage: Stage, ada: Person, mod: Person) -> None:
    await asks(mod, "/quota default", credits=10_000)
    # The prompt is at fault: a model that fails by itself this often would be left alone.
    stage.kie.scenarios.default = Scenario(failure=Failures.LANGUAGE)
    for number in range(1, 12):
        await ada.types("/video", prompt=f"fox number {number}")
        await stage.until_state(JobState.FAILED, number=number)
        stage.clock.advance(seconds=10)  # the provider's rate

    first = await asks(ada, "/jobs list")
    assert "fox number 11" in first.text()
    await ada.clicks(first, "Next page")

    await stage.until(lambda: "Page 2" in first.text(), "the second page")
    assert "fox number 1\n" in first.text() + "\n"
    assert "fox number 11" not in first.text()


async def test_jobs_show_tells_the_whole_story(done: None, ada: Person) -> None:
    text = (await asks(ada, "/jobs show", job=1)).text()

    assert "Job 1: posted" in text
    assert f"Cost: {PRICE} credits" in text
    told = [text.index(word) for word in ("waiting", "being sent", "being made", "being fetched", "being posted")]
    assert told == sorted(told)


async def test_jobs_show_of_others_is_for_staff(done: None, bob: Person, mod: Person) -> None:
    refused = await asks(bob, "/jobs show", job=1)
    shown = await asks(mod, "/jobs show", job=1)

    assert "You have no job 1" in refused.text()
    assert FOX in shown.text()


async def test_jobs_cancel_of_what_has_ended_or_never_was_is_refused(done: None, ada: Person) -> None:
    ended = await asks(ada, "/jobs cancel", job=1)
    unknown = await asks(ada, "/jobs cancel", job=99)

    assert "has already ended" in ended.text()
    assert "You have no job 99" in unknown.text()


async def test_balance_and_history_tell_what_a_video_has_cost(done: None, ada: Person) -> None:
    balance = await asks(ada, "/credits balance")
    history = await asks(ada, "/credits history")

    assert f"{500 - PRICE}" in balance.text()
    assert is_private(balance)
    assert is_private(history)
    assert f"−{PRICE}" in history.text()
    assert "job 1" in history.text()


async def test_balance_shows_what_is_held_while_a_video_is_made(stage: Stage, ada: Person) -> None:
    stage.kie.scenarios.next(Scenario(seconds=60))
    await asks(ada, "/video", prompt=FOX)
    await stage.until_state(JobState.RUNNING)

    balance = await asks(ada, "/credits balance")

    assert f"Held for videos on their way: {PRICE} credits" in balance.text()


async def test_staff_set_rules_and_see_them(stage: Stage, ada: Person, mod: Person) -> None:
    await asks(mod, "/quota default", credits=700)
    await asks(mod, "/quota pool", credits=5000)
    question = await asks(mod, "/quota grant", member=ada.member, credits=50, reason="for the contest")
    granted = await clicks(mod, question, "Give")
    shown = await asks(mod, "/quota show")

    assert "50 bonus credits" in granted.text()
    assert "700 credits per member" in shown.text()
    assert "Pool: 4950 credits" in shown.text()
    assert await stage.balance(ada) == 750
    assert "for the contest" in (await asks(ada, "/credits history")).text()


async def test_staff_commands_are_refused_to_members_even_by_a_changed_client(stage: Stage, ada: Person) -> None:
    commands: dict[str, dict[str, Any]] = {
        "/quota show": {},
        "/quota default": {"credits": 9},
        "/quota pool": {"credits": 9},
        "/quota grant": {"member": ada.member, "credits": 9},
    }
    for command, options in commands.items():
        with pytest.raises(NotOfferedError):
            await ada.types(command, **options)

        handle = await asks(ada, command, force=True, **options)

        assert "Only people who may manage this server" in handle.text(), command
        assert is_private(handle)
    assert await stage.balance(ada) == 500


async def test_grant_that_the_pool_does_not_hold_is_refused(stage: Stage, ada: Person, mod: Person) -> None:
    await asks(mod, "/quota pool", credits=10)

    question = await asks(mod, "/quota grant", member=ada.member, credits=50)
    handle = await clicks(mod, question, "Give")

    assert "10 credits left" in handle.text()
    assert "50 cannot be granted" in handle.text()


async def test_help_names_the_commands_as_links(stage: Stage, ada: Person) -> None:
    handle = await asks(ada, "/help")

    [video] = [
        command
        for scope in stage.discord.world.commands.values()
        for command in scope.values()
        if command["name"] == "video"
    ]
    assert f"</video:{video['id']}>" in handle.text()
    assert is_private(handle)


async def test_models_lists_what_is_sold_and_what_was_retired(stage: Stage, ada: Person) -> None:
    handle = await asks(ada, "/models")
    text = handle.text()
    while any(button.label == "Next page" for button in handle.buttons):
        before = handle.text()
        await ada.clicks(handle, "Next page")
        await stage.until(lambda before=before: handle.text() != before, "the next page")  # type: ignore[misc]  # a bound value
        text += handle.text()

    for name in ("Seedance 2 Fast", "Kling 3.0 Turbo", "Sora 2"):
        assert name in text
    assert is_private(handle)


@pytest.mark.parametrize("locale", ["ru", "zh-CN"])
async def test_refusals_are_in_the_readers_language(locale: str, stage: Stage) -> None:
    reader = stage.joins("Reader", locale=locale)
    _ = texts(locale)

    no_such_job = await asks(reader, "/jobs show", job=7)
    no_words = await asks(reader, "/video")

    assert no_such_job.text() == _("You have no job {job} in this server. `/jobs list` shows yours.", job=7)
    assert no_words.text() == _("**prompt**: write what the video should show, or attach an **image**.")


async def test_commands_are_described_in_both_other_languages(stage: Stage) -> None:
    for scope in stage.discord.world.commands.values():
        for command in scope.values():
            wanted = {locale: texts(locale)(command["description"]) for locale in ("ru", "zh-CN")}
            given = command.get("description_localizations") or {}
            # What has no translation yet is left to Discord's fallback.
            assert {**dict.fromkeys(wanted, command["description"]), **given} == wanted


async def test_old_buttons_of_a_page_still_work_after_a_restart(stage: Stage, ada: Person) -> None:
    handle = await asks(ada, "/models")
    before = handle.text()
    await stage.stop()
    await stage.start()

    answer = await ada.clicks(handle, "Next page")

    await stage.until(lambda: handle.text() != before or answer.text() not in ("", before), "another page")
    assert "no longer active" not in answer.text()


async def test_unknown_button_is_answered(stage: Stage, done: None, ada: Person) -> None:
    [posted] = stage.posts()
    for row in posted.components:
        for component in row.get("components", []):
            if component.get("label") == "Again":
                component["custom_id"] = "from:another:version"

    handle = await clicks(ada, posted, "Again")

    assert "no longer active" in handle.text()
    assert is_private(handle)
