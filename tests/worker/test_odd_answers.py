"""What nobody understands is kept for the host, without secrets, and never more than a fixed number of files."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from bot.domain.ids import ProviderId, TaskId
from bot.domain.jobs import FailureReason, JobState
from bot.domain.models import Catalogue
from bot.errors import ProviderError
from bot.providers.kie_jobs import KieJobs
from bot.worker.odd_answers import MOST_CHARACTERS, MOST_FILES, OddAnswers
from bot.worker.retention import remove_files
from tests.samples import ANNA, CATALOGUE, PICTURE, model, place, video
from tests.worker.rig import Rig

ODD = ProviderId("odd")
ODD_MODEL = model("odd", provider=ODD)
KEY = "key-canary-1234"


def kept(rig: Rig) -> list[str]:
    return [path.read_text() for path in sorted((rig.folders.results.parent / "odd-answers").glob("*"))]


def odd_vendor(
    rig: Rig,
    record: dict[str, object] | str | Callable[[], dict[str, object]],
    *,
    upload: dict[str, object] | None = None,
) -> None:
    """A provider whose create calls work and whose records, or answers to uploads, nobody understands."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/createTask"):
            return httpx.Response(200, json={"code": 200, "data": {"taskId": "task-1"}})
        if request.method == "POST" and upload is not None:
            return httpx.Response(200, json=upload)
        told = record() if callable(record) else record
        return httpx.Response(200, text=told if isinstance(told, str) else json.dumps(told))

    adapter = KieJobs(
        api_key=KEY,
        api_url="https://odd.test",
        upload_url="https://odd.test",
        clock=rig.clock,
        inner=httpx.MockTransport(answer),
    )
    rig.others = {ODD: adapter}
    rig.catalogue = Catalogue({**CATALOGUE.models, ODD_MODEL.id: ODD_MODEL})
    rig.build()


async def test_a_shape_that_nobody_documented_is_retried_a_little_then_refunded_and_kept(rig: Rig) -> None:
    address = "https://files.test/v.mp4?signature=canary-5678"
    odd_vendor(rig, {"code": 200, "data": {"taskId": "task-1", "news": address, "key": KEY}})

    async with rig.running():
        job = await rig.accept(of=ODD_MODEL)
        await rig.pass_time(minutes=10)

    found = await rig.find(job)
    assert (found.state, found.failure) == (JobState.FAILED, FailureReason.UPSTREAM)
    assert await rig.kinds(job) == ["charge", "refund"]
    assert found.failure_detail is not None
    assert "odd-answers/" in found.failure_detail
    texts = kept(rig)
    assert len(texts) == 2, "the first and the last"
    for text in texts:
        assert f"job {job.id}, model odd, provider odd" in text
        assert '"news": "https://files.test/v.mp4?[query]"' in text
        assert KEY not in text
        assert "canary" not in text


@pytest.mark.parametrize("stays", [True, False])
async def test_a_bare_failed_from_kie_ends_the_job_only_when_it_stays(rig: Rig, stays: bool) -> None:
    """The code alone may be about the question. It would have refunded a video that is still made."""
    odd: dict[str, object] = {"code": 501, "msg": "Generation Failed", "data": None}
    running: dict[str, object] = {"code": 200, "data": {"taskId": "task-1", "state": "generating"}}
    answers = [odd] * 20 if stays else [odd] * 3
    odd_vendor(rig, lambda: answers.pop() if answers else running)

    async with rig.running():
        job = await rig.accept(of=ODD_MODEL)
        await rig.pass_time(minutes=3)

    found = await rig.find(job)
    if stays:
        assert (found.state, found.failure) == (JobState.FAILED, FailureReason.UPSTREAM)
        assert found.due_at is not None, "a video that comes all the same is looked for"
        assert len(kept(rig)) == 2, "nobody has recorded such an answer yet"
    else:
        assert (found.state, found.attempts) == (JobState.RUNNING, 0)
    assert await rig.kinds(job) == (["charge", "refund"] if stays else ["charge"])


async def test_an_answer_about_the_jobs_own_callback_address_does_not_show_its_secret(rig: Rig) -> None:
    odd_vendor(rig, "")
    job = await rig.accept(of=ODD_MODEL)
    odd_vendor(rig, {"code": 200, "data": {"callback": f"https://bot.test/callbacks/odd/1/{job.callback_secret}"}})

    async with rig.running():
        await rig.pass_time(minutes=10)

    assert kept(rig)
    assert not any(job.callback_secret in text for text in kept(rig))


@pytest.mark.parametrize("is_ascii", [True, False])
async def test_what_the_member_wrote_is_not_in_what_is_kept(rig: Rig, is_ascii: bool) -> None:
    words = 'my aunt "Zoë" in her garden'
    odd_vendor(rig, json.dumps({"code": 200, "data": {"param": {"prompt": words}}}, ensure_ascii=is_ascii))
    asked = replace(video(of=ODD_MODEL), prompt=words)
    await rig.accept(of=ODD_MODEL)  # Somebody has credits.
    job = (await rig.generation.request(ANNA, place(), asked)).job

    async with rig.running():
        await rig.pass_time(minutes=10)

    mine = [text for text in kept(rig) if f"job {job.id}," in text]
    assert mine
    assert all('"prompt": "[prompt]"' in text for text in mine)
    assert not any("aunt" in text for text in mine)


async def test_an_address_with_escaped_slashes_does_not_show_its_signature(rig: Rig) -> None:
    odd_vendor(rig, '{"code": 200, "data": {"news": "https:\\/\\/files.test\\/v.mp4?signature=canary-5678"}}')

    async with rig.running():
        await rig.accept(of=ODD_MODEL)
        await rig.pass_time(minutes=10)

    assert kept(rig)
    assert all("v.mp4?[query]" in text for text in kept(rig))
    assert not any("canary" in text for text in kept(rig))


async def test_an_odd_answer_to_an_upload_is_retried_a_little_then_refunded_and_kept(rig: Rig) -> None:
    odd_vendor(rig, "", upload={"success": True, "data": {"where": "guess"}})

    async with rig.running():
        job = await rig.accept(of=ODD_MODEL, picture=PICTURE)
        await rig.pass_time(minutes=10)

    found = await rig.find(job)
    assert (found.state, found.failure) == (JobState.FAILED, FailureReason.UPSTREAM)
    assert await rig.kinds(job) == ["charge", "refund"]
    assert "submitting" not in await rig.path(job)
    assert ["guess" in text for text in kept(rig)] == [True, True]


async def test_what_is_kept_of_a_job_goes_with_its_member(rig: Rig) -> None:
    odd_vendor(rig, {"code": 200, "data": {"news": "odd"}})
    async with rig.running():
        mine, other = [await rig.accept(of=ODD_MODEL) for _ in range(2)]
        await rig.pass_time(minutes=10)

    await remove_files(replace(rig.folders, odd_answers=rig.folders.results.parent / "odd-answers"), [], [mine.id])

    assert kept(rig)
    assert all(f"job {other.id}," in text for text in kept(rig))


async def test_only_so_many_answers_of_a_limited_length_are_kept(rig: Rig, tmp_path: Path) -> None:
    odd_vendor(rig, {"code": 200, "data": {"long": "x" * 2 * MOST_CHARACTERS}})
    async with rig.running():
        job = await rig.accept(of=ODD_MODEL)
        await rig.pass_time(minutes=10)
    assert all(len(text) < MOST_CHARACTERS + 500 for text in kept(rig))

    answers = OddAnswers(tmp_path / "many")
    with contextlib.suppress(ProviderError):
        await rig.others[ODD].status(TaskId("task-1"))  # What this was answered is what is kept now.
    for _ in range(MOST_FILES + 5):
        rig.clock.advance(seconds=1)
        await answers.keep(job, "odd", rig.clock.now())

    assert len(list((tmp_path / "many").iterdir())) == MOST_FILES


async def test_without_an_answer_there_is_nothing_to_keep(rig: Rig, tmp_path: Path) -> None:
    job = await rig.accept()

    assert await OddAnswers(tmp_path / "none").keep(job, "odd", rig.clock.now()) is None
