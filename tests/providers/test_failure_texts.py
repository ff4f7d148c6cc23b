"""Failure texts of every class that was seen at vendors say which input was at fault, and no more than they know."""

from __future__ import annotations

import pytest

from bot.domain.jobs import FailureReason
from bot.providers.failure_texts import reason_in

SEEN = [
    ("internal error, please try again later.", FailureReason.UPSTREAM),
    ("Internal server error", FailureReason.UPSTREAM),
    ("server is busy", FailureReason.BUSY),
    ("concurrent limit reached", FailureReason.BUSY),
    ("upstream API service timed out", FailureReason.TIMEOUT),
    ("The input or output was flagged as sensitive", FailureReason.MODERATION),
    ("PUBLIC_ERROR_UNSAFE_GENERATION", FailureReason.MODERATION),
    ("moderation_blocked", FailureReason.MODERATION),
    ("caught by our AI moderator", FailureReason.MODERATION),
    ("The input was flagged as NSFW", FailureReason.MODERATION),
    ("The prompt or the image was flagged", FailureReason.MODERATION),
    ("Your prompt was flagged by Website as violating content policies", FailureReason.MODERATION_PROMPT),
    ("SENSITIVE_WORD_ERROR", FailureReason.MODERATION_PROMPT),
    ("The input image violates our policies", FailureReason.MODERATION_IMAGE),
    ("unsafe first frame", FailureReason.MODERATION_IMAGE),
    ("The generated video was flagged as sensitive", FailureReason.MODERATION_RESULT),
    ("output blocked by the safety filter", FailureReason.MODERATION_RESULT),
    ("public error minor upload", FailureReason.PERSON),
    ("public error prominent people upload", FailureReason.PERSON),
    ("image fetch failed", FailureReason.IMAGE_UNREACHED),
    ("Failed to fetch the image", FailureReason.IMAGE_UNREACHED),
    ("media fetch failed", FailureReason.IMAGE_UNREACHED),
    ("wrong image format", FailureReason.IMAGE),
    ("unsupported width/height", FailureReason.IMAGE),
    ("Only English prompts are supported", FailureReason.LANGUAGE),
    ("unable to generate audio", FailureReason.AUDIO),
    ("The current credits are insufficient", FailureReason.BALANCE),
    ("Credits insufficient", FailureReason.BALANCE),
    # Of an option of ours and not of what the member wrote.
    ("nsfw_checker must be a boolean", None),
    ("enable_safety_checker is not within the range of allowed options", None),
    ("The image was flagged by the NSFW checker", FailureReason.MODERATION_IMAGE),
    ("The safety checker has stopped it", FailureReason.MODERATION),
    ("something nobody has heard of", None),
    ("", None),
]


@pytest.mark.parametrize(("text", "reason"), SEEN, ids=[text for text, _ in SEEN])
def test_text_says_what_was_at_fault_in_any_case(text: str, reason: FailureReason | None) -> None:
    assert reason_in(text) is reason
    assert reason_in(text.upper()) is reason


@pytest.mark.parametrize(("text", "reason"), SEEN, ids=[text for text, _ in SEEN])
def test_text_may_come_as_a_code_with_underscores(text: str, reason: FailureReason | None) -> None:
    assert reason_in(text.upper().replace(" ", "_")) is reason
