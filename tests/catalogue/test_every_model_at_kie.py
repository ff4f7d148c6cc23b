"""Every mode of every model, with its defaults and the ends of each option, is what the local Kie.ai takes and charges.

The schemas in `sandbox/kie_server/families` are written from the vendor's pages and not from the catalogue, so that a
slip in one of the two is found here. The request goes through the real adapter; nothing is rendered.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest

from bot.catalogue.loader import load
from bot.domain.ids import JobId, TaskId
from bot.domain.models import AUTO_DURATION, FOLLOW_UPS, Mode, ModeSpec, OptionName, SourceKind, VideoModel
from bot.domain.pictures import Clip, unread_picture
from bot.domain.vendor_inputs import attached, vendor_fields
from bot.domain.videos import Source, VideoRequest, VideoSpec, resolve
from bot.ports import Submission
from bot.providers.kie_jobs import KieJobs
from sandbox.kie_server.models import Model
from sandbox.kie_server.registry import Models
from tests.fakes import HandClock

KIE = Models()
CATALOGUE = load().catalogue
MODES = [
    pytest.param(model, mode, id=f"{model.id}-{mode}")
    for model in CATALOGUE.models.values()
    if model.provider == "kie_jobs"
    for mode in model.modes
]
# What the sandbox says of a finished video that it did not make: five seconds.
SOURCE_SECONDS = 5
# The sources give ranges for these; the catalogue has the upper ends, the sandbox the lower ones.
DIFFERENT_PRICES = {"sora-2-pro"}


def requests(model: VideoModel, mode: Mode) -> Iterator[VideoRequest]:
    """The defaults, and then one thing at a time at each of its ends."""
    spec = model.modes[mode]
    plain = VideoRequest(prompt="x" * max(3, spec.prompt.min_length) if spec.prompt.max_length else "", model=model.id)
    plain = with_inputs(plain, mode, spec)
    yield plain
    if spec.prompt.max_length:
        yield replace(plain, prompt="x" * spec.prompt.min_length)
        if spec.shots is None:
            yield replace(plain, prompt="x" * spec.prompt.max_length)
        else:
            yield replace(plain, prompt="\n".join("shot" for _ in range(spec.shots.most)))
        if not spec.prompt.is_required and mode is not Mode.TEXT:
            yield replace(plain, prompt="")
    for name, option in spec.options.items():
        for choice in option.choices:
            yield replace(plain, **{name.value: choice.value})
    for name, free in spec.free.items():
        ends = ("x", "x" * free.high) if name is OptionName.NEGATIVE else (free.low, free.high)
        for end in ends:
            yield replace(plain, **{name.value: end})
    if spec.last_frame is not None:
        yield replace(plain, last_frame=unread_picture(spec.image))
        if spec.last_frame.can_be_alone:
            yield replace(plain, picture=None, last_frame=unread_picture(spec.image))
    if spec.references is not None:
        yield replace(plain, references=(unread_picture(spec.references),) * spec.references.most)


def with_inputs(request: VideoRequest, mode: Mode, spec: ModeSpec) -> VideoRequest:
    if mode is Mode.IMAGE:
        return replace(request, picture=unread_picture(spec.image))
    if mode is Mode.REFERENCE:
        return replace(request, references=(unread_picture(spec.references),))
    if mode in FOLLOW_UPS:
        assert spec.source is not None
        is_task = spec.source.kind is SourceKind.TASK
        source = Source(
            job=JobId(1),
            seconds=SOURCE_SECONDS,
            task_id=TaskId("0" * 32) if is_task else None,
            clip=None if is_task else Clip(name="1.mp4", size=1),
        )
        return replace(request, follow_up=mode, source=source)
    return request


def submission_of(video: VideoSpec, spec: ModeSpec) -> Submission:
    fields = vendor_fields(video, spec)
    for place in attached(video, spec):
        urls = [f"https://files.test/{number}.png" for number, _ in enumerate(place.files)]
        fields[place.vendor_field] = urls if place.as_list else urls[0]
    return Submission(slug=spec.slug, fields=fields, callback_url=None)


class Desk:
    """Kie's create call, as far as it judges the input."""

    def __init__(self) -> None:
        self.taken: list[tuple[Model, dict[str, object], frozenset[str]]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        model = KIE.get(body["model"])
        self.taken.append((model, model.completed(body["input"]), model.unknown(body["input"])))
        return httpx.Response(200, json={"code": 200, "msg": "success", "data": {"taskId": "t-1", "recordId": "t-1"}})


@pytest.mark.parametrize(("model", "mode"), MODES)
async def test_every_request_is_one_that_kie_takes(model: VideoModel, mode: Mode) -> None:
    desk, spec = Desk(), model.modes[mode]
    kie = KieJobs(
        api_key="key",
        api_url="http://kie.test",
        upload_url="http://up.test",
        clock=HandClock(datetime(2026, 11, 20, tzinfo=UTC)),
        inner=httpx.MockTransport(desk),
    )
    sold = 0
    for request in requests(model, mode):
        video = resolve(request, model)
        if not isinstance(video, VideoSpec):
            # Each value is sold in some combination, but not each beside the other defaults.
            assert video.rule in ("option_combination", "too_many_shots"), video
            continue
        sold += 1

        await kie.create(submission_of(video, spec))

        taken, filled, unknown = desk.taken[-1]
        assert unknown == frozenset(), "the provider would ignore these"
        if model.id not in DIFFERENT_PRICES and video.options.get(OptionName.DURATION) != AUTO_DURATION:
            inherited = {} if mode is not Mode.EXTEND else {"resolution": video.options[OptionName.QUALITY]}
            assert video.price == math.ceil(taken.price({**filled, **inherited})), (request, filled)
    await kie.aclose()
    assert sold > 0


def test_every_slug_of_the_catalogue_is_known_to_the_sandbox_and_no_video_model_there_is_forgotten() -> None:
    slugs = {slug for model in CATALOGUE.models.values() if model.provider == "kie_jobs" for slug in model.slugs()}

    assert slugs <= {model.slug for model in KIE}
    # Not offered: twins of others, and what works on videos from outside.
    assert {model.slug for model in KIE} - slugs == {
        "sora-2-text-to-video-stable",
        "sora-2-image-to-video-stable",
        "sora-watermark-remover",
    }


@pytest.mark.parametrize(("model", "mode"), MODES)
def test_pictures_that_the_catalogue_lets_through_are_within_the_providers_rules(model: VideoModel, mode: Mode) -> None:
    spec = model.modes[mode]
    rules, theirs = spec.references or spec.image, KIE.get(spec.slug).images
    if rules is None:
        pytest.skip("the mode takes no picture")

    assert {picture_format.value.upper() for picture_format in rules.formats} <= theirs.formats
    assert rules.max_bytes <= theirs.max_bytes
    assert rules.min_side >= theirs.min_side
