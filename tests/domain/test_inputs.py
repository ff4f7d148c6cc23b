"""Frames, references, seeds, negative words, styles, shots and earlier videos, held against a model's rules."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest

from bot.domain.ids import JobId, ModelId, ProviderId, TaskId
from bot.domain.models import (
    AUTO_DURATION,
    Choice,
    FreeSpec,
    ImageFormat,
    ImageRules,
    LastFrameRules,
    Mode,
    ModelState,
    ModeSpec,
    OptionName,
    OptionSpec,
    PriceRow,
    PriceTable,
    PromptRules,
    ShotRules,
    SourceKind,
    SourceRules,
    VideoModel,
)
from bot.domain.pictures import Clip, Picture
from bot.domain.problems import Problem, Rule
from bot.domain.values import offered
from bot.domain.vendor_inputs import attached, vendor_fields
from bot.domain.videos import Source, VideoRequest, VideoSpec, follows, resolve

PNG = ImageRules(
    vendor_field="first",
    as_list=False,
    formats=frozenset({ImageFormat.PNG}),
    max_bytes=1_000_000,
    min_side=1,
    max_side=4000,
    min_ratio=0.1,
    max_ratio=10,
)
DURATION = OptionSpec(
    name=OptionName.DURATION,
    vendor_field="duration",
    choices=(*(Choice(value=n, vendor=n) for n in range(4, 9)), Choice(value=AUTO_DURATION, vendor=-1)),
    default=5,
)
STYLE = OptionSpec(
    name=OptionName.STYLE,
    vendor_field="mode",
    choices=(Choice(value="normal", vendor="NORMAL"), Choice(value="fun", vendor="FUN")),
    default="normal",
)
TEXT = ModeSpec(
    slug="maker/text",
    prompt=PromptRules(min_length=1, max_length=200, is_required=True),
    options={OptionName.DURATION: DURATION, OptionName.STYLE: STYLE},
    fixed={},
    price=PriceTable(per_second=True, rows=(PriceRow(when={}, credits=10),), extra_picture=4),
    image=None,
    is_probeable=True,
    free={
        OptionName.SEED: FreeSpec(name=OptionName.SEED, vendor_field="seed", is_text=False, low=0, high=99),
        OptionName.NEGATIVE: FreeSpec(
            name=OptionName.NEGATIVE, vendor_field="negative_prompt", is_text=True, low=1, high=10
        ),
    },
)
LAST = LastFrameRules(vendor_field="last", can_be_alone=False, is_required=False)
IMAGE = dataclasses.replace(TEXT, slug="maker/image", image=PNG, last_frame=LAST)
REFERENCE = dataclasses.replace(
    TEXT,
    slug="maker/reference",
    references=dataclasses.replace(PNG, vendor_field="references", as_list=True, most=2),
)
SOURCE = SourceRules(
    kind=SourceKind.TASK,
    vendor_field="task_id",
    as_list=False,
    seconds_field="extend_at",
    models=frozenset({ModelId("maker")}),
    only={OptionName.STYLE: ("normal",)},
    max_bytes=1_000_000,
    max_seconds=30,
)
NO_OPTIONS = PriceTable(per_second=True, rows=(PriceRow(when={}, credits=8),))
UPSCALE = dataclasses.replace(
    TEXT,
    slug="maker/upscale",
    prompt=PromptRules(min_length=1, max_length=200, is_required=False),
    options={},
    free={},
    price=NO_OPTIONS,
    source=SOURCE,
)
MODEL = VideoModel(
    id=ModelId("maker"),
    name="Maker",
    provider=ProviderId("kie_jobs"),
    family="Maker",
    state=ModelState.LIVE,
    retired_on=None,
    successor=None,
    modes={Mode.TEXT: TEXT, Mode.IMAGE: IMAGE, Mode.REFERENCE: REFERENCE, Mode.UPSCALE: UPSCALE},
    typical=timedelta(seconds=60),
    soft_limit=timedelta(minutes=10),
    outer_limit=timedelta(hours=1),
)
PICTURE = Picture(name="a.png", format=ImageFormat.PNG, width=640, height=480, size=5)
OTHER = dataclasses.replace(PICTURE, name="b.png")
JPEG = dataclasses.replace(PICTURE, name="c.jpg", format=ImageFormat.JPEG)


def with_modes(**modes: ModeSpec) -> VideoModel:
    return dataclasses.replace(MODEL, modes={Mode(name): spec for name, spec in modes.items()})


def asked(prompt: str = "a fox", **values: object) -> VideoRequest:
    return dataclasses.replace(VideoRequest(prompt=prompt, model=MODEL.id), **values)


def accepted(request: VideoRequest, model: VideoModel = MODEL) -> VideoSpec:
    found = resolve(request, model)
    assert isinstance(found, VideoSpec), found
    return found


def refused(request: VideoRequest, model: VideoModel = MODEL) -> tuple[Rule, str]:
    found = resolve(request, model)
    assert isinstance(found, Problem), found
    return found.rule, found.field


def test_seed_and_negative_words_are_sent_only_when_named() -> None:
    plain, full = accepted(asked()), accepted(asked(seed=0, negative=" blurry ", style="FUN"))

    assert vendor_fields(plain, TEXT) == {"prompt": "a fox", "duration": 5, "mode": "NORMAL"}
    assert vendor_fields(full, TEXT) == {
        "prompt": "a fox",
        "duration": 5,
        "mode": "FUN",
        "seed": 0,
        "negative_prompt": "blurry",
    }


@pytest.mark.parametrize(
    ("values", "rule", "field", "nearest"),
    [
        ({"seed": -1}, Rule.OPTION_RANGE, "seed", 0),
        ({"seed": 100}, Rule.OPTION_RANGE, "seed", 99),
        ({"negative": "x" * 11}, Rule.OPTION_LENGTH, "negative", None),
        ({"style": "spicy"}, Rule.OPTION_VALUE, "style", "normal"),
        ({"duration": 9}, Rule.OPTION_VALUE, "duration", 8),
        ({"duration": 0}, Rule.OPTION_VALUE, "duration", 4),
    ],
)
def test_what_the_model_does_not_take_is_refused_with_field_and_nearest(
    values: dict[str, object], rule: Rule, field: str, nearest: object
) -> None:
    found = resolve(asked(**values), MODEL)

    assert isinstance(found, Problem)
    assert (found.rule, found.field, found.nearest) == (rule, field, nearest)


def test_a_seed_that_travels_as_text_is_a_text() -> None:
    free = {OptionName.SEED: dataclasses.replace(TEXT.free[OptionName.SEED], is_text=True)}
    spec = dataclasses.replace(TEXT, free=free)

    assert vendor_fields(accepted(asked(seed=7), with_modes(text=spec)), spec)["seed"] == "7"


def test_a_duration_that_the_model_decides_holds_the_price_of_the_longest() -> None:
    video = accepted(asked(duration=AUTO_DURATION))

    assert video.price == 80
    assert vendor_fields(video, TEXT)["duration"] == -1
    assert offered(DURATION) == "4-8, auto"


def test_first_and_last_frame_go_into_their_fields_and_the_second_costs_extra() -> None:
    video = accepted(asked(picture=PICTURE, last_frame=OTHER))

    assert {place.vendor_field: place.files for place in attached(video, IMAGE)} == {
        "first": (PICTURE,),
        "last": (OTHER,),
    }
    assert video.price == 54
    assert accepted(asked(picture=PICTURE)).price == 50


def test_frames_that_share_a_list_are_in_order() -> None:
    shared = dataclasses.replace(
        IMAGE,
        image=dataclasses.replace(PNG, vendor_field="image_urls", as_list=True),
        last_frame=dataclasses.replace(LAST, vendor_field="image_urls"),
    )
    video = accepted(asked(picture=PICTURE, last_frame=OTHER), with_modes(image=shared))

    (place,) = attached(video, shared)

    assert (place.vendor_field, place.as_list, place.files) == ("image_urls", True, (PICTURE, OTHER))


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"last_frame": PICTURE}, (Rule.LAST_FRAME_ALONE, "last_frame")),
        ({"picture": PICTURE, "references": (OTHER,)}, (Rule.FRAMES_OR_REFERENCES, "image")),
        ({"last_frame": PICTURE, "references": (OTHER,)}, (Rule.FRAMES_OR_REFERENCES, "last_frame")),
        ({"references": (PICTURE, OTHER, PICTURE)}, (Rule.TOO_MANY_REFERENCES, "reference3")),
        ({"references": (PICTURE, JPEG)}, (Rule.IMAGE_FORMAT, "reference2")),
        ({"picture": PICTURE, "last_frame": JPEG}, (Rule.IMAGE_FORMAT, "last_frame")),
        ({"prompt": ""}, (Rule.PROMPT_OR_IMAGE, "prompt")),
    ],
)
def test_pictures_that_do_not_fit_are_refused_by_the_name_of_their_field(
    values: dict[str, object], problem: tuple[Rule, str]
) -> None:
    assert refused(asked(**values)) == problem


@pytest.mark.parametrize(
    ("modes", "values", "problem"),
    [
        ({"text": TEXT}, {"references": (PICTURE,)}, (Rule.MODE_REFERENCE_MISSING, "reference1")),
        ({"text": TEXT}, {"last_frame": PICTURE}, (Rule.MODE_IMAGE_MISSING, "image")),
        ({"upscale": UPSCALE}, {}, (Rule.MODE_FOLLOW_UP, "model")),
        ({"text": TEXT}, {"follow_up": Mode.UPSCALE}, (Rule.FOLLOW_UP_MISSING, "model")),
        (
            {"image": dataclasses.replace(IMAGE, last_frame=None)},
            {"picture": PICTURE, "last_frame": PICTURE},
            (Rule.OPTION_MISSING, "last_frame"),
        ),
        (
            {"image": dataclasses.replace(IMAGE, last_frame=dataclasses.replace(LAST, is_required=True))},
            {"picture": PICTURE},
            (Rule.LAST_FRAME_REQUIRED, "last_frame"),
        ),
    ],
)
def test_a_model_without_a_place_for_them_says_so(
    modes: dict[str, ModeSpec], values: dict[str, object], problem: tuple[Rule, str]
) -> None:
    assert refused(asked(**values), with_modes(**modes)) == problem


def test_a_last_frame_alone_is_enough_where_the_model_takes_it() -> None:
    spec = dataclasses.replace(IMAGE, last_frame=dataclasses.replace(LAST, can_be_alone=True))

    video = accepted(asked(last_frame=PICTURE), with_modes(image=spec))

    assert [place.vendor_field for place in attached(video, spec)] == ["last"]


def test_a_follow_up_names_the_task_and_is_paid_by_the_seconds_of_the_earlier_video() -> None:
    source = Source(job=JobId(7), seconds=6, task_id=TaskId("task-7"))

    video = accepted(asked("", follow_up=Mode.UPSCALE, source=source))

    assert (video.mode, video.price, video.source) == (Mode.UPSCALE, 48, source)
    assert vendor_fields(video, UPSCALE) == {"task_id": "task-7", "extend_at": 6}
    assert attached(video, UPSCALE) == []


def test_a_follow_up_on_the_file_itself_brings_the_file() -> None:
    spec = dataclasses.replace(UPSCALE, source=dataclasses.replace(SOURCE, kind=SourceKind.VIDEO, vendor_field="url"))
    clip = Clip(name="7.mp4", size=9)

    video = accepted(
        asked("", follow_up=Mode.UPSCALE, source=Source(job=JobId(7), seconds=6, clip=clip)), with_modes(upscale=spec)
    )

    assert [(place.vendor_field, place.files) for place in attached(video, spec)] == [("url", (clip,))]
    assert "url" not in vendor_fields(video, spec)


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (Source(job=JobId(7), seconds=31, task_id=TaskId("t")), (Rule.SOURCE_LENGTH, "video")),
        (Source(job=JobId(7), seconds=3, clip=Clip(name="7.mp4", size=1_000_001)), (Rule.SOURCE_BYTES, "video")),
    ],
)
def test_an_earlier_video_that_is_too_much_is_refused(source: Source, problem: tuple[Rule, str]) -> None:
    assert refused(asked("", follow_up=Mode.UPSCALE, source=source)) == problem


def test_a_follow_up_is_offered_for_the_videos_that_its_model_takes() -> None:
    normal, fun = accepted(asked()), accepted(asked(style="fun"))
    strange = dataclasses.replace(normal, model=ModelId("other"))

    assert follows(SOURCE, normal)
    assert not follows(SOURCE, fun)
    assert not follows(SOURCE, strange)
    assert follows(dataclasses.replace(SOURCE, models=frozenset(), only={}), strange)


def test_each_line_of_a_storyboard_is_a_shot_and_they_share_the_seconds() -> None:
    shots = ShotRules(vendor_field="shots", text_field="Scene", seconds_field="duration", most=3)
    spec = dataclasses.replace(TEXT, shots=shots)
    model = with_modes(text=spec)

    video = accepted(asked("a fox\n\n it jumps \nit sleeps"), model)

    assert vendor_fields(video, spec)["shots"] == [
        {"Scene": "a fox", "duration": 2},
        {"Scene": "it jumps", "duration": 2},
        {"Scene": "it sleeps", "duration": 1},
    ]
    assert refused(asked("a\nb\nc\nd"), model) == (Rule.TOO_MANY_SHOTS, "prompt")
