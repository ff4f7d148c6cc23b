"""What people read: harmless prompts, posts that fit, and cards that say where the job is."""

from __future__ import annotations

import dataclasses
import re
from datetime import timedelta
from typing import Any

import discord
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.domain.ids import MessageId
from bot.domain.jobs import FailureReason, Job, JobState, Result
from bot.domain.pictures import Picture
from bot.i18n import Texts, texts
from bot.ports import Receipt
from bot.rendering import buttons, posts
from bot.rendering.cards import LATE, LEAVING, Card, Progress, card
from bot.rendering.prompts import harmless
from tests.discord_side.making import START, job, link_of
from tests.samples import PICTURE

ENGLISH: Texts = texts("en-US")
RECEIPT = Receipt(charged=50, returned=12, spendable=438)

LIVE_MENTION = re.compile(r"@everyone|@here|<@[!&]?\d+>|<#\d+>|<id:\w+>|(?<!\\)</[\w -]+:\d+>")
MASKED_LINK = re.compile(r"(?<!\\)(?:\\\\)*\[[^\]]*(?<!\\)(?:\\\\)*\]\(")
# Divided from the words before it, and from those behind it where the text was not cut there.
LIVE_ADDRESS = re.compile("(?<!\u200b)://|://(?!\u200b|…$)")
TIMESTAMP = re.compile(r"(?<!\\)<t:-?\d+")

# Ordinary text is rarely hostile; these pieces are what attacks are made of.
PIECES = st.sampled_from(
    [
        *("@everyone", "@here", "<@81384788765712400>", "<@&1>", "<#2>", "<t:0:R>"),
        *("[free](https://evil.test)", "](", "[", "\\", "`", "```", "||", "**"),
        *("\u202e", "\u200b", "\ud800", "\n# ", "\n> ", "https://evil.test/x", "discord.gg/abc"),
    ]
)
PROMPTS = st.lists(st.one_of(PIECES, st.text(max_size=20)), max_size=60).map("".join)


def mentions_in(text: str) -> list[str]:
    return LIVE_MENTION.findall(text)


@given(PROMPTS, st.integers(min_value=1, max_value=400))
@example("https://evil.test/x", 10)
def test_no_prompt_has_an_effect(prompt: str, limit: int) -> None:
    shown = harmless(prompt, limit)

    assert len(shown) <= limit
    assert mentions_in(shown) == []
    assert not MASKED_LINK.search(shown)
    assert not TIMESTAMP.search(shown)
    assert not LIVE_ADDRESS.search(shown)
    assert "\n" not in shown
    assert "\u202e" not in shown
    shown.encode("utf-8")


@given(PROMPTS)
def test_every_post_fits_and_mentions_the_requester_only(prompt: str) -> None:
    made = job(JobState.DELIVERING, prompt=prompt, result=Result(url="https://files.test/12.mp4", credits=50))
    everything = [
        posts.video_post(ENGLISH, made, RECEIPT, "Swift 1"),
        posts.link_post(ENGLISH, made, link_of(made), RECEIPT, "Swift 1"),
        posts.failure_post(ENGLISH, made),
    ]

    for text in everything:
        assert len(text) <= 2000
        assert mentions_in(text) == [f"<@{made.user_id}>"]
        assert not MASKED_LINK.search(text)


@pytest.mark.parametrize(
    ("prompt", "shown"),
    [
        ("a red fox", "a red fox"),
        ("two\nlines\t here", "two lines here"),
        ("# heading", "\\# heading"),
        ("- 5 foxes", "\\- 5 foxes"),
        ("1. fox", "\u200b1. fox"),
        ("a_b *c* `d`", "a\\_b \\*c\\* \\`d\\`"),
        ("mail me@here.test", "mail me@\u200bhere.test"),
        ("<@1> [x](y)", "\\<\u200b@\u200b1> \\[x\\](y)"),
        ("https://evil.test", "https\u200b://\u200bevil.test"),
        ("join discord.gg/abc", "join \u200bdiscord.gg\u200b/abc"),
        ("\u202egnp.exe", "gnp.exe"),
        ("лиса 狐狸 🦊", "лиса 狐狸 🦊"),
        ("", ""),
        (" \u200b ", ""),
    ],
)
def test_prompt_stays_readable(prompt: str, shown: str) -> None:
    assert harmless(prompt, 100) == shown


def test_long_prompt_is_cut_between_whole_characters() -> None:
    assert harmless("*" * 100, 10) == "\\*\\*\\*\\*…"


def test_video_post_carries_the_receipt() -> None:
    text = posts.video_post(ENGLISH, job(), RECEIPT, "Swift 1")

    assert text.splitlines() == [
        "<@81384788765712400>",
        "-# Swift 1 · aspect 16:9",
        "-# 50 credits · 12 credits returned · 438 credits left · job 12",
        "> a red fox",
    ]


def test_receipt_says_nothing_of_credits_that_did_not_come_back() -> None:
    text = posts.video_post(ENGLISH, job(), Receipt(charged=62, returned=0, spendable=1), "Swift 1")

    assert "-# 62 credits · 1 credit left · job 12" in text
    assert "returned" not in text


def test_post_without_the_prompt_keeps_everything_else() -> None:
    text = posts.video_post(ENGLISH, job(prompt="forbidden"), RECEIPT, "Swift 1", has_prompt=False)

    assert "forbidden" not in text
    assert "job 12" in text


def test_post_of_a_picture_without_words_has_no_empty_quote() -> None:
    assert ">" not in posts.video_post(ENGLISH, job(prompt=""), RECEIPT, "Swift 1").split("\n", 1)[1]


@pytest.mark.parametrize("is_spoiler", [False, True])
def test_address_of_the_provider_is_one_word_that_neither_speaks_nor_ends_a_spoiler(*, is_spoiler: bool) -> None:
    hostile = "https://files.test/v.mp4?sig=a%2Fb||@here [free](https://evil.test) <@1> \u202e\u2028# Won"
    made = job(result=Result(url=hostile, expires_at=None))

    text = posts.link_post(ENGLISH, made, link_of(made), RECEIPT, "Swift 1", is_spoiler=is_spoiler)

    (address,) = re.findall(r"https://\S+", text)
    assert address.startswith("https://files.test/v.mp4?sig=a%2Fb%7C%7C%40here%20%5Bfree%5D%28https://evil.test%29%20")
    assert address.endswith("Won")
    assert text.count("||") == (2 if is_spoiler else 0)
    assert not LIVE_MENTION.search(text.removeprefix(f"<@{made.user_id}>"))
    assert not MASKED_LINK.search(text)


def test_address_that_is_as_it_should_be_stays_as_it_is() -> None:
    usual = "https://files.test:8443/a/~b/v_1.mp4?X-Amz-Date=20261120T120000Z&X-Amz-Signature=0a%2Fb=&c=d+e"
    made = job(result=Result(url=usual, expires_at=None))

    assert f" {usual}\n" in posts.link_post(ENGLISH, made, link_of(made), RECEIPT, "Swift 1")


def test_link_post_says_until_when() -> None:
    expires = START + timedelta(hours=24)
    made = job(result=Result(url="https://files.test/12.mp4?sig=a_b", expires_at=expires))

    text = posts.link_post(ENGLISH, made, link_of(made), RECEIPT, "Swift 1")

    assert "https://files.test/12.mp4?sig=a_b\n" in text
    assert f"<t:{int(expires.timestamp())}:R>" in text
    assert "the host keeps the file" in text


def test_link_that_fills_the_message_is_left_out() -> None:
    made = job(prompt="x" * 3000, result=Result(url="https://files.test/" + "a" * 3000))

    text = posts.link_post(ENGLISH, made, link_of(made), RECEIPT, "Swift 1")

    assert len(text) <= 2000
    assert "The host keeps the file." in text


def test_failure_post_says_why_and_what_came_back() -> None:
    text = posts.failure_post(ENGLISH, job(JobState.FAILED, failure=FailureReason.MODERATION))

    assert text.startswith("<@81384788765712400> Your video could not be made. The model's safety filter")
    assert text.endswith("-# Your 62 credits are back. · job 12")


def fields_of(made: Card) -> dict[str | None, str | None]:
    return {field.name: field.value for field in made.embed.fields}


def ids_of(view: discord.ui.View | None) -> list[str | None]:
    if view is None:
        return []
    return [item.custom_id for item in view.children if isinstance(item, discord.ui.Button)]


def shown(made: Job, **progress: Any) -> Card:
    return card(ENGLISH, made, Progress(model="Swift 1", **progress))


async def test_waiting_card_shows_place_price_and_estimate_and_can_be_cancelled() -> None:
    made = shown(job(), ahead=2, ready_at=START + timedelta(minutes=3))

    assert made.embed.title == "Job 12: waiting"
    assert made.embed.description == "> a red fox"
    assert fields_of(made) == {
        "Model": "Swift 1 · from text",
        "Options": "aspect 16:9",
        "Price": "62 credits",
        "Place in the queue": "3",
        "Ready": f"<t:{int(START.timestamp()) + 180}:R>",
    }
    assert ids_of(made.view) == ["job:12:cancel"]


async def test_running_card_cannot_be_cancelled() -> None:
    assert shown(job(JobState.RUNNING)).view is None


async def test_late_card_says_that_nobody_has_to_wait() -> None:
    assert fields_of(shown(job(JobState.RUNNING), is_late=True))["What now"] == LATE


async def test_last_words_win_over_the_late_notice() -> None:
    assert fields_of(shown(job(JobState.RUNNING), is_late=True, is_leaving=True))["What now"] == LEAVING


async def test_delivered_card_leads_to_the_video() -> None:
    made = shown(job(JobState.DELIVERED, message_id=MessageId(99)))

    link = "https://discord.com/channels/81384788765712384/81384788765712385/99"
    assert fields_of(made)["Video"] == link
    assert made.view is not None
    assert [item.url for item in made.view.children if isinstance(item, discord.ui.Button)] == [link]


async def test_failed_card_says_why_and_that_it_cost_nothing() -> None:
    fields = fields_of(shown(job(JobState.FAILED, failure=FailureReason.TIMEOUT), ready_at=START))

    assert fields["Why it failed"] == (
        "The provider did not finish in time. Trying again often helps, or take another model."
    )
    assert fields["What it cost"] == "nothing; 62 credits returned"
    assert "Ready" not in fields


async def test_cancelled_card_says_what_came_back() -> None:
    assert fields_of(shown(job(JobState.CANCELLED)))["What it cost"] == "nothing; 62 credits returned"


async def test_parked_card_says_that_the_video_is_kept() -> None:
    assert "kept" in (fields_of(shown(job(JobState.PARKED)))["What now"] or "")


@pytest.mark.parametrize("state", JobState)
@given(prompt=PROMPTS)
def test_card_of_any_state_fits_into_an_embed(state: JobState, prompt: str) -> None:
    made = shown(job(state, prompt=prompt), ahead=1, ready_at=START, is_late=True)

    assert len(made.embed) <= 6000
    assert all(1 <= len(str(field.value)) <= 1024 for field in made.embed.fields)
    assert mentions_in(made.embed.description or "") == []


async def test_fingerprint_follows_what_is_seen() -> None:
    waiting = shown(job(), ahead=2)

    assert waiting.fingerprint == shown(job(fence=7), ahead=2).fingerprint
    assert waiting.fingerprint != shown(job(), ahead=1).fingerprint
    assert waiting.fingerprint != shown(job(JobState.RUNNING)).fingerprint


async def test_library_does_not_remember_views_that_outlive_the_process() -> None:
    assert buttons.of_result(ENGLISH, job().id).is_finished()
    assert ids_of(buttons.of_result(ENGLISH, job().id)) == [
        "job:12:again",
        "job:12:edit",
        "job:12:delete",
        "job:12:report",
    ]
    assert buttons.of_failure(ENGLISH, job()).is_finished()


@pytest.mark.parametrize(
    ("failure", "ids"),
    [
        (FailureReason.TIMEOUT, ["job:12:again", "job:12:edit"]),
        (FailureReason.MODERATION_RESULT, ["job:12:again", "job:12:edit"]),
        # The same words would be refused again.
        (FailureReason.MODERATION_PROMPT, ["job:12:edit"]),
        (FailureReason.LANGUAGE, ["job:12:edit"]),
        (FailureReason.IMAGE_GONE, ["job:12:edit"]),
        # There is nothing to go on with; other words would not bring it back.
        (FailureReason.SOURCE_GONE, []),
    ],
)
async def test_failure_can_be_edited_and_repeated_where_that_may_help(failure: FailureReason, ids: list[str]) -> None:
    assert ids_of(buttons.of_failure(ENGLISH, job(JobState.FAILED, failure=failure))) == ids


@pytest.mark.parametrize(("picture", "is_named"), [(PICTURE, True), (None, False)])
@pytest.mark.parametrize(
    "failure",
    [
        FailureReason.MODERATION,
        FailureReason.MODERATION_IMAGE,
        FailureReason.PERSON,
        FailureReason.IMAGE,
        FailureReason.IMAGE_UNREACHED,
    ],
)
def test_picture_is_only_suspected_where_there_was_one(
    failure: FailureReason, picture: Picture | None, is_named: bool
) -> None:
    made = job(JobState.FAILED, failure=failure)
    made = dataclasses.replace(made, video=dataclasses.replace(made.video, picture=picture))

    assert ("picture" in posts.failure_post(ENGLISH, made)) == is_named
