"""What becomes of a queued job, by what the provider answers to its picture and its create call."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.jobs import FailureReason, JobState
from bot.domain.models import Catalogue, LastFrameRules, Mode
from bot.errors import (
    AccountFault,
    AnswerLostError,
    ProviderAuthError,
    ProviderError,
    ProviderProtocolError,
    ProviderRejectedError,
    ProviderUnavailableError,
)
from bot.worker.making import LONGEST_WISH, QUEUE_PATIENCE
from tests.fakes import KIE, MADE, OVERLOADED, PENDING, Gate
from tests.samples import MAKER, PICTURE
from tests.worker.rig import Rig

AUTH = ProviderAuthError("the key is wrong", AccountFault.KEY)
PROTOCOL = ProviderProtocolError("<html>")
LOST = AnswerLostError("reset")
MODERATED = ProviderRejectedError(FailureReason.MODERATION, "not this")
SWITCHED_OFF = ProviderRejectedError(FailureReason.MODEL_PAUSED, "paused")

CREATE_OUTCOMES = [
    (OVERLOADED, JobState.QUEUED, None),
    (MODERATED, JobState.FAILED, FailureReason.MODERATION),
    (SWITCHED_OFF, JobState.FAILED, FailureReason.MODEL_PAUSED),
    (AUTH, JobState.FAILED, FailureReason.NOT_NOW),
    (PROTOCOL, JobState.UNKNOWN, None),
    (LOST, JobState.UNKNOWN, None),
]
UPLOAD_OUTCOMES = [
    (OVERLOADED, JobState.QUEUED, None),
    (PROTOCOL, JobState.QUEUED, None),
    (LOST, JobState.QUEUED, None),
    (ProviderRejectedError(FailureReason.IMAGE, "no picture"), JobState.FAILED, FailureReason.IMAGE),
    (AUTH, JobState.FAILED, FailureReason.NOT_NOW),
]


@pytest.mark.parametrize(("error", "state", "failure"), CREATE_OUTCOMES, ids=lambda value: type(value).__name__)
async def test_each_answer_to_a_create_call_has_its_outcome(
    rig: Rig, error: ProviderError, state: JobState, failure: FailureReason | None
) -> None:
    rig.provider.creates.then(error)
    job = await rig.accept()

    async with rig.running():
        await rig.go()

    found = await rig.find(job)
    assert (found.state, found.failure) == (state, failure)
    assert len(rig.provider.created_at) == 1
    assert await rig.kinds(job) == (["charge", "refund"] if failure else ["charge"])
    assert rig.publisher.attempts("failure") == (1 if failure else 0)
    assert await rig.differences() == []


@pytest.mark.parametrize(("error", "state", "failure"), UPLOAD_OUTCOMES, ids=lambda value: type(value).__name__)
async def test_each_answer_to_an_upload_has_its_outcome(
    rig: Rig, error: ProviderError, state: JobState, failure: FailureReason | None
) -> None:
    rig.provider.uploads.then(error)
    job = await rig.accept(picture=PICTURE)

    async with rig.running():
        await rig.go()

    found = await rig.find(job)
    assert (found.state, found.failure) == (state, failure)
    assert rig.provider.created_at == []
    assert "submitting" not in await rig.path(job)


async def test_a_picture_that_fills_two_places_is_uploaded_once(rig: Rig) -> None:
    spec = MAKER.modes[Mode.IMAGE]
    last = LastFrameRules(vendor_field="last_url", can_be_alone=False, is_required=False)
    model = replace(MAKER, modes={Mode.IMAGE: replace(spec, last_frame=last)})
    rig.catalogue = Catalogue({model.id: model})
    rig.build()
    job = await rig.accept(picture=PICTURE, last_frame=PICTURE)

    async with rig.running():
        await rig.go()

    assert (await rig.find(job)).state is JobState.RUNNING
    assert rig.provider.uploaded == [(rig.folders.inputs / PICTURE.name, "image/png")]
    (task,) = rig.provider.tasks.values()
    assert task.fields["image_url"] == task.fields["last_url"] == "https://uploads.test/picture.png"


async def test_the_picture_is_uploaded_and_named_in_the_vendors_field(rig: Rig) -> None:
    rig.provider.statuses.then(PENDING)
    await rig.accept(picture=PICTURE)

    async with rig.running():
        await rig.go()

    (submission,) = rig.provider.tasks.values()
    assert rig.provider.uploaded == [(rig.folders.inputs / "1.png", "image/png")]
    assert submission.slug == "maker/image"
    assert submission.fields == {
        "seed": 7,
        "prompt": "a red fox",
        "image_url": "https://uploads.test/picture.png",
    }


async def test_the_callback_address_carries_the_job_and_its_secret(rig: Rig) -> None:
    rig.public_url = "https://bot.test"
    rig.build()
    job = await rig.accept()

    async with rig.running():
        await rig.go()

    (submission,) = rig.provider.tasks.values()
    assert submission.callback_url == f"https://bot.test/callbacks/kie_jobs/{job.id}/{job.callback_secret}"


async def test_a_picture_that_is_gone_fails_the_job_and_refunds_it(rig: Rig) -> None:
    rig.provider.uploads.then(FileNotFoundError("1.png"))
    job = await rig.accept(picture=PICTURE)

    async with rig.running():
        await rig.go()

    assert (await rig.find(job)).failure is FailureReason.IMAGE_GONE
    assert await rig.kinds(job) == ["charge", "refund"]


async def test_a_provider_that_takes_nothing_is_asked_less_and_less_often(rig: Rig) -> None:
    rig.provider.creates.then(OVERLOADED)
    job = await rig.accept()

    async with rig.running():
        await rig.pass_time(minutes=10)

    waits = [
        after - before for before, after in zip(rig.provider.created_at, rig.provider.created_at[1:], strict=False)
    ]
    assert await rig.state(job) is JobState.QUEUED
    assert waits[0] < timedelta(seconds=8)
    assert waits[-1] >= timedelta(seconds=90)
    assert len(waits) < 12


async def test_an_upload_that_fails_is_tried_less_and_less_often(rig: Rig) -> None:
    rig.provider.uploads.then(OVERLOADED)
    await rig.accept(picture=PICTURE)

    async with rig.running():
        await rig.pass_time(minutes=10)

    assert 5 <= len(rig.provider.uploaded) <= 12


async def test_a_job_that_the_provider_never_takes_is_refunded_when_patience_ends(rig: Rig) -> None:
    rig.provider.creates.then(OVERLOADED)
    job = await rig.accept()

    async with rig.running():
        await rig.pass_time(QUEUE_PATIENCE + timedelta(minutes=5))

    assert (await rig.find(job)).failure is FailureReason.NOT_NOW
    assert await rig.kinds(job) == ["charge", "refund"]
    assert await rig.differences() == []


async def test_the_wait_that_the_provider_asks_for_is_kept_but_not_for_days(rig: Rig) -> None:
    rig.provider.creates.then(
        ProviderUnavailableError("busy", timedelta(seconds=45)), ProviderUnavailableError("busy", timedelta(days=9))
    )
    job = await rig.accept()

    async with rig.running():
        await rig.go()
        first = await rig.wait_of(job)
        await rig.skip(first)
        second = await rig.wait_of(job)

    assert first == timedelta(seconds=45)
    assert second == LONGEST_WISH


async def test_a_job_whose_create_call_was_refused_for_now_is_made_later(rig: Rig) -> None:
    rig.provider.creates.then(OVERLOADED, OVERLOADED, MADE)
    job = await rig.accept()

    async with rig.running():
        await rig.pass_time(minutes=3)

    assert await rig.state(job) is JobState.DELIVERED
    assert len(rig.provider.created_at) == 3
    assert len(rig.provider.tasks) == 1


async def test_a_lost_answer_is_never_sent_again_and_is_refunded_only_after_the_grace(rig: Rig) -> None:
    rig.provider.creates.then(LOST)
    job = await rig.accept()

    async with rig.running():
        await rig.go()
        grace = await rig.wait_of(job)
        await rig.skip(grace - timedelta(seconds=1))
        before = await rig.state(job)
        await rig.skip(seconds=1)

    assert grace > MAKER.outer_limit
    assert before is JobState.UNKNOWN
    assert (await rig.find(job)).failure is FailureReason.NO_ANSWER
    assert len(rig.provider.created_at) == 1
    assert await rig.kinds(job) == ["charge", "refund"]
    (told,) = await rig.told()
    assert f"Job {job.id}" in told


async def test_a_paused_model_is_no_longer_offered(rig: Rig) -> None:
    rig.provider.creates.then(SWITCHED_OFF)
    await rig.accept()

    async with rig.running():
        await rig.go()

    assert rig.availability.modes(MAKER) == (Mode.IMAGE,)


async def test_a_refused_key_closes_the_provider_and_tells_the_host_once(rig: Rig) -> None:
    rig.provider.creates.then(AUTH)
    first, second = await rig.accept(), await rig.accept()

    async with rig.running():
        await rig.go()
        third = await rig.accept()
        await rig.go()

    assert rig.gate.find(KIE) is not None
    assert len(rig.publisher.told) == 1
    for job in (first, second, third):
        assert (await rig.find(job)).failure is FailureReason.NOT_NOW
        assert await rig.kinds(job) == ["charge", "refund"]
    assert third.id not in {job for what, job in rig.publisher.sent if what == "video"}
    assert len(rig.provider.created_at) <= 2


async def test_jobs_are_sent_again_once_the_provider_is_open(rig: Rig) -> None:
    rig.provider.creates.then(AUTH, MADE)
    await rig.accept()

    async with rig.running():
        await rig.go()
        rig.gate.resume(KIE)
        job = await rig.accept()
        await rig.pass_time(minutes=2)

    assert await rig.state(job) is JobState.DELIVERED


async def test_a_model_that_left_the_catalogue_fails_its_queued_jobs(rig: Rig) -> None:
    job = await rig.accept()
    rig.catalogue = Catalogue({})
    rig.build()

    async with rig.running():
        await rig.go()

    assert (await rig.find(job)).failure is FailureReason.REJECTED
    assert await rig.kinds(job) == ["charge", "refund"]


async def test_a_job_that_was_cancelled_during_its_upload_is_never_created(rig: Rig) -> None:
    upload = Gate("https://uploads.test/1.png")
    rig.provider.uploads.then(upload)
    job = await rig.accept(picture=PICTURE)

    async with rig.running():
        await rig.go_until(upload.reached)
        await rig.jobs.cancel(job.place.guild_id, job.user_id, job.id)
        upload.opened.set()
        await rig.go()

    assert await rig.state(job) is JobState.CANCELLED
    assert rig.provider.created_at == []
    assert await rig.kinds(job) == ["charge", "refund"]
    assert await rig.differences() == []
