"""The models of Kie's older routes: what these are sent, what it costs, and what may be done with a finished video."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from bot.catalogue.loader import load
from bot.domain.ids import JobId, ModelId, TaskId
from bot.domain.models import FOLLOW_UPS, ImageFormat, Mode, ModelState, VideoModel
from bot.domain.pictures import Clip, Picture
from bot.domain.problems import Problem, Rule
from bot.domain.vendor_inputs import attached, vendor_fields
from bot.domain.videos import Source, VideoRequest, VideoSpec, follows, resolve

CATALOGUE = load().catalogue
MODELS = [
    model
    for model in CATALOGUE.models.values()
    if model.provider in ("kie_veo", "kie_runway", "kie_aleph") or model.id == "veo-3-1-jobs"
]
PICTURE = Picture(name="1.jpg", format=ImageFormat.JPEG, width=1280, height=720, size=500_000)
SOURCE = Source(job=JobId(1), seconds=8, task_id=TaskId("veo_task_1"))
CLIP = Source(job=JobId(1), seconds=8, clip=Clip(name="1.mp4", size=1_000_000))
PROMPT = "A red fox crosses a river"


def asked(model_id: str, mode: Mode, **options: object) -> VideoSpec | Problem:
    request = VideoRequest(
        prompt="" if mode is Mode.UPSCALE else PROMPT,
        model=ModelId(model_id),
        picture=PICTURE if mode is Mode.IMAGE else None,
        references=(PICTURE, PICTURE, PICTURE) if mode is Mode.REFERENCE else (),
        follow_up=mode if mode in FOLLOW_UPS else None,
        source=CLIP if mode is Mode.RESTYLE else SOURCE if mode in FOLLOW_UPS else None,
        **options,  # type: ignore[arg-type]  # the options of a table
    )
    return resolve(request, CATALOGUE.get(model_id))


def made(model_id: str, mode: Mode, **options: object) -> VideoSpec:
    video = asked(model_id, mode, **options)
    assert isinstance(video, VideoSpec), video
    return video


def test_they_stand_behind_the_others_in_this_order() -> None:
    assert load().problems == []
    assert [model.id for model in MODELS] == [
        "veo-3-1",
        "veo-3-1-fast",
        "veo-3-1-lite",
        "runway",
        "aleph",
        "veo-3-1-jobs",
    ]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
def test_every_mode_can_be_used_with_nothing_but_its_defaults(model: VideoModel) -> None:
    for mode in model.modes:
        assert made(model.id, mode).price > 0
    assert model.outer_limit >= timedelta(hours=1)


def test_the_form_that_nobody_was_seen_using_is_paused_until_the_probe_says_that_it_is_sold() -> None:
    model = CATALOGUE.get("veo-3-1-jobs")

    assert (model.provider, model.state) == ("kie_jobs", ModelState.PAUSED)
    assert all(spec.slug == "veo-3-1" and spec.is_probeable for spec in model.modes.values())


@pytest.mark.parametrize(
    ("model_id", "mode", "options", "fields"),
    [
        (
            "veo-3-1-fast",
            Mode.TEXT,
            {"aspect": "9:16", "duration": 4, "quality": "4k", "seed": 12345},
            {
                "prompt": PROMPT,
                "generationType": "TEXT_2_VIDEO",
                "aspect_ratio": "9:16",
                "duration": 4,
                "resolution": "4k",
                "seeds": 12345,
            },
        ),
        (
            "veo-3-1",
            Mode.IMAGE,
            {},
            {
                "prompt": PROMPT,
                "generationType": "FIRST_AND_LAST_FRAMES_2_VIDEO",
                "aspect_ratio": "Auto",
                "duration": 8,
                "resolution": "720p",
            },
        ),
        (
            "veo-3-1-lite",
            Mode.REFERENCE,
            {},
            {
                "prompt": PROMPT,
                "generationType": "REFERENCE_2_VIDEO",
                "aspect_ratio": "16:9",
                "duration": 8,
                "resolution": "720p",
            },
        ),
        ("veo-3-1-fast", Mode.EXTEND, {}, {"prompt": PROMPT, "taskId": "veo_task_1"}),
        ("veo-3-1-fast", Mode.UPSCALE, {}, {"taskId": "veo_task_1", "resolution": "1080p"}),
        ("veo-3-1-fast", Mode.UPSCALE, {"quality": "4k"}, {"taskId": "veo_task_1", "resolution": "4k"}),
        (
            "veo-3-1-jobs",
            Mode.TEXT,
            {},
            {
                "prompt": PROMPT,
                "generation_type": "TEXT_2_VIDEO",
                "aspect_ratio": "16:9",
                "duration": 8,
                "resolution": "720p",
            },
        ),
        (
            "runway",
            Mode.TEXT,
            {"aspect": "3:4", "duration": 10},
            {"prompt": PROMPT, "aspectRatio": "3:4", "duration": 10, "quality": "720p"},
        ),
        ("runway", Mode.IMAGE, {"quality": "1080p"}, {"prompt": PROMPT, "duration": 5, "quality": "1080p"}),
        ("runway", Mode.EXTEND, {}, {"prompt": PROMPT, "taskId": "veo_task_1", "quality": "720p"}),
        ("aleph", Mode.RESTYLE, {}, {"prompt": PROMPT}),
    ],
)
def test_the_provider_is_sent_its_own_fields_with_its_own_types(
    model_id: str, mode: Mode, options: dict[str, object], fields: dict[str, object]
) -> None:
    video = made(model_id, mode, **options)

    sent = vendor_fields(video, CATALOGUE.get(model_id).modes[mode])
    assert json.dumps(sent, sort_keys=True) == json.dumps(fields, sort_keys=True)


@pytest.mark.parametrize(
    ("model_id", "mode", "options", "credits"),
    [
        ("veo-3-1", Mode.TEXT, {}, 250),
        ("veo-3-1", Mode.TEXT, {"quality": "1080p"}, 255),
        ("veo-3-1", Mode.IMAGE, {"quality": "4k", "duration": 4}, 380),
        ("veo-3-1", Mode.EXTEND, {}, 250),
        ("veo-3-1-fast", Mode.TEXT, {}, 60),
        ("veo-3-1-fast", Mode.REFERENCE, {"quality": "1080p"}, 65),
        ("veo-3-1-fast", Mode.IMAGE, {"quality": "4k"}, 180),
        ("veo-3-1-fast", Mode.EXTEND, {}, 60),
        ("veo-3-1-fast", Mode.UPSCALE, {}, 5),
        ("veo-3-1-fast", Mode.UPSCALE, {"quality": "4k"}, 120),
        ("veo-3-1-lite", Mode.TEXT, {"quality": "1080p"}, 35),
        ("veo-3-1-lite", Mode.EXTEND, {}, 30),
        ("veo-3-1-jobs", Mode.TEXT, {}, 250),
        ("runway", Mode.TEXT, {}, 12),
        ("runway", Mode.IMAGE, {"duration": 10}, 30),
        ("runway", Mode.TEXT, {"quality": "1080p"}, 30),
        ("aleph", Mode.RESTYLE, {}, 110),
    ],
)
def test_prices_are_the_providers_price_list(
    model_id: str, mode: Mode, options: dict[str, object], credits: int
) -> None:
    assert made(model_id, mode, **options).price == credits


def test_both_frames_and_all_references_travel_in_one_list() -> None:
    model = CATALOGUE.get("veo-3-1-fast")
    frames = made("veo-3-1-fast", Mode.IMAGE, last_frame=PICTURE)
    references = made("veo-3-1-fast", Mode.REFERENCE)

    [placed] = attached(frames, model.modes[Mode.IMAGE])
    [others] = attached(references, model.modes[Mode.REFERENCE])
    assert (placed.vendor_field, placed.as_list, len(placed.files)) == ("imageUrls", True, 2)
    assert (others.vendor_field, others.as_list, len(others.files)) == ("imageUrls", True, 3)


def test_aleph_restyles_everybodys_videos() -> None:
    spec = CATALOGUE.get("aleph").modes[Mode.RESTYLE]

    [placed] = attached(made("aleph", Mode.RESTYLE), spec)
    assert (placed.vendor_field, placed.as_list) == ("videoUrl", False)
    assert spec.source is not None
    assert follows(spec.source, made("veo-3-1", Mode.TEXT))


def test_ten_seconds_of_runway_in_1080p_are_refused_before_anybody_pays() -> None:
    problem = asked("runway", Mode.TEXT, duration=10, quality="1080p")

    assert isinstance(problem, Problem)
    assert problem.rule is Rule.OPTION_COMBINATION


@pytest.mark.parametrize("seed", [9_999, 100_000])
def test_seed_of_veo_has_five_digits(seed: int) -> None:
    assert isinstance(asked("veo-3-1", Mode.TEXT, seed=seed), Problem)


@pytest.mark.parametrize(
    ("mode", "options", "extendable", "upscalable"),
    [
        (Mode.TEXT, {}, True, True),
        (Mode.IMAGE, {"quality": "1080p"}, False, False),
        (Mode.TEXT, {"quality": "4k"}, False, False),
        (Mode.EXTEND, {}, True, True),
        (Mode.UPSCALE, {}, False, False),
    ],
)
def test_only_small_veo_videos_are_extended_and_enlarged(
    mode: Mode, options: dict[str, object], extendable: bool, upscalable: bool
) -> None:
    model = CATALOGUE.get("veo-3-1-fast")
    earlier = made("veo-3-1-fast", mode, **options)

    extend, upscale = model.modes[Mode.EXTEND].source, model.modes[Mode.UPSCALE].source
    assert extend is not None
    assert upscale is not None
    assert follows(extend, earlier) is extendable
    assert follows(upscale, earlier) is upscalable
    assert not follows(extend, made("veo-3-1", Mode.TEXT))
