"""The models that come with the bot: nothing wrong in the files, and the provider is sent what its pages ask for."""

from __future__ import annotations

import dataclasses
import json
import re
from datetime import date, timedelta
from pathlib import Path

import pytest

from bot.catalogue.loader import OWN_FOLDER, load
from bot.domain.ids import ModelId
from bot.domain.models import ImageFormat, Mode, ModelState, VideoModel
from bot.domain.pictures import Picture
from bot.domain.problems import Problem, Rule
from bot.domain.vendor_inputs import vendor_fields
from bot.domain.videos import VideoRequest, VideoSpec, resolve

CATALOGUE = load().catalogue
# Those of other vendors have files of their own.
MODELS = [model for model in CATALOGUE.models.values() if model.provider.startswith("kie")]
PICTURE = Picture(name="1.jpg", format=ImageFormat.JPEG, width=1280, height=720, size=500_000)
PROMPT = "A red fox crosses a river"

# What a member sees first.
FIRST = ["seedance-2-fast", "seedance-2", "seedance-2-mini", "seedance-2-5", "kling-3-0"]


def asked(model_id: str, mode: Mode, **options: object) -> VideoRequest:
    picture = PICTURE if mode is Mode.IMAGE else None
    references = (PICTURE,) if mode is Mode.REFERENCE else ()
    request = VideoRequest(prompt=PROMPT, model=ModelId(model_id), picture=picture, references=references)
    return dataclasses.replace(request, **options)


def made(model_id: str, mode: Mode, **options: object) -> VideoSpec:
    video = resolve(asked(model_id, mode, **options), CATALOGUE.get(model_id))
    assert isinstance(video, VideoSpec), video
    return video


def sent(model_id: str, mode: Mode, **options: object) -> dict[str, object]:
    fields = vendor_fields(made(model_id, mode, **options), CATALOGUE.get(model_id).modes[mode])
    assert fields.pop("prompt") == PROMPT
    return dict(fields)


def test_our_own_files_have_no_problems_and_the_living_are_offered_first() -> None:
    loaded = load()

    assert loaded.problems == []
    assert list(loaded.catalogue.models)[: len(FIRST)] == FIRST
    assert [model.id for model in MODELS if model.is_default] == ["seedance-2-fast"]
    states = [model.state for model in MODELS]
    assert states == sorted(states, key=list(ModelState).index)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
def test_every_model_is_waited_for_longer_than_it_usually_takes(model: VideoModel) -> None:
    # The longest recorded runs took 11 to 13 minutes; an hour is the least before giving up.
    assert timedelta(seconds=20) <= model.typical <= timedelta(minutes=10)
    assert model.soft_limit == timedelta(minutes=10)
    assert model.outer_limit >= timedelta(hours=1)


def test_the_model_string_that_bills_an_empty_request_is_never_probed() -> None:
    unprobed = {spec.slug for model in MODELS for spec in model.modes.values() if not spec.is_probeable}

    assert "grok-imagine/image-to-video" in unprobed


WAN: dict[str, object] = {"prompt_extend": True, "watermark": False}
# What the provider receives, apart from the prompt and the picture. JSON's types matter: "5" is not 5.
FIELDS: list[tuple[str, Mode, dict[str, object], dict[str, object]]] = [
    (
        "seedance-2-fast",
        Mode.TEXT,
        {},
        {"aspect_ratio": "16:9", "duration": 5, "resolution": "720p", "generate_audio": True},
    ),
    (
        "seedance-2-fast",
        Mode.IMAGE,
        {"duration": 15, "quality": "480p", "audio": False},
        {"aspect_ratio": "adaptive", "duration": 15, "resolution": "480p", "generate_audio": False},
    ),
    (
        "seedance-2",
        Mode.TEXT,
        {"aspect": "auto", "quality": "4k", "duration": 4},
        {"aspect_ratio": "adaptive", "duration": 4, "resolution": "4k", "generate_audio": True},
    ),
    (
        "seedance-2",
        Mode.IMAGE,
        {"aspect": "4:3", "quality": "1080p"},
        {"aspect_ratio": "4:3", "duration": 5, "resolution": "1080p", "generate_audio": True},
    ),
    (
        "seedance-2-5",
        Mode.TEXT,
        {"aspect": "21:9", "duration": 30, "quality": "1080p"},
        {"aspect_ratio": "21:9", "duration": 30, "resolution": "1080p", "generate_audio": True},
    ),
    (
        "seedance-2-5",
        Mode.IMAGE,
        {},
        {"aspect_ratio": "adaptive", "duration": 5, "resolution": "720p", "generate_audio": True},
    ),
    (
        "kling-3-0",
        Mode.TEXT,
        {},
        {
            "aspect_ratio": "16:9",
            "duration": "5",
            "mode": "pro",
            "sound": False,
            "multi_shots": False,
            "multi_prompt": [],
        },
    ),
    (
        "kling-3-0",
        Mode.IMAGE,
        {"quality": "4k", "duration": 3, "audio": True},
        {"duration": "3", "mode": "4K", "sound": True, "multi_shots": False, "multi_prompt": []},
    ),
    (
        "kling-3-0",
        Mode.TEXT,
        {"quality": "720p", "aspect": "9:16"},
        {
            "aspect_ratio": "9:16",
            "duration": "5",
            "mode": "std",
            "sound": False,
            "multi_shots": False,
            "multi_prompt": [],
        },
    ),
    ("kling-3-0-turbo", Mode.TEXT, {}, {"aspect_ratio": "16:9", "duration": "5", "resolution": "720p"}),
    (
        "kling-3-0-turbo",
        Mode.IMAGE,
        {"duration": 15, "quality": "1080p"},
        {"duration": "15", "resolution": "1080p"},
    ),
    (
        "wan-2-7",
        Mode.TEXT,
        {"aspect": "3:4"},
        {"ratio": "3:4", "duration": 5, "resolution": "1080p"} | WAN,
    ),
    (
        "wan-2-7",
        Mode.IMAGE,
        {"duration": 2, "quality": "720p"},
        {"duration": 2, "resolution": "720p"} | WAN,
    ),
    ("wan-3-0", Mode.TEXT, {}, {"aspect_ratio": "adaptive", "duration": 5, "resolution": "1080P", "audio": True}),
    (
        "wan-3-0",
        Mode.IMAGE,
        {"aspect": "1:1", "duration": 30, "quality": "480p", "audio": False},
        {"aspect_ratio": "1:1", "duration": 30, "resolution": "480P", "audio": False},
    ),
    (
        "grok-imagine",
        Mode.TEXT,
        {"duration": 10},
        {"aspect_ratio": "2:3", "duration": 10, "resolution": "480p", "mode": "normal"},
    ),
    # The same option is a number for words and a text for pictures.
    ("grok-imagine", Mode.IMAGE, {"duration": 10}, {"duration": "10", "resolution": "480p", "mode": "normal"}),
    (
        "grok-imagine",
        Mode.TEXT,
        {"style": "spicy"},
        {"aspect_ratio": "2:3", "duration": 6, "resolution": "480p", "mode": "spicy"},
    ),
    # The model decides.
    (
        "wan-3-0",
        Mode.REFERENCE,
        {"duration": -1, "seed": 7},
        {"aspect_ratio": "adaptive", "duration": -1, "resolution": "1080P", "audio": True, "seed": 7},
    ),
    # A number, unlike every other Kling; and one shot, although the vendor's own default is several.
    (
        "kling-3-0-omni",
        Mode.TEXT,
        {},
        {
            "aspect_ratio": "16:9",
            "duration": 5,
            "resolution": "720p",
            "audio": False,
            "customize_multi_shots": False,
        },
    ),
    (
        "kling-2-5-turbo",
        Mode.IMAGE,
        {"negative": "blur"},
        {"duration": "5", "negative_prompt": "blur"},
    ),
    (
        "wan-2-6",
        Mode.TEXT,
        {"style": "multi-shot", "duration": 15},
        {"duration": "15", "resolution": "1080p", "multi_shots": True},
    ),
    ("hailuo-2-3", Mode.IMAGE, {}, {"duration": "6", "resolution": "768P"}),
    ("hailuo-2-3", Mode.IMAGE, {"duration": 10}, {"duration": "10", "resolution": "768P"}),
    ("hailuo-2-3-pro", Mode.IMAGE, {"quality": "1080p"}, {"duration": "6", "resolution": "1080P"}),
    ("minimax-h3", Mode.TEXT, {}, {"aspect_ratio": "16:9", "duration": 6, "resolution": "2K"}),
    ("minimax-h3", Mode.IMAGE, {"quality": "768p", "duration": 4}, {"duration": 4, "resolution": "768P"}),
    ("sora-2", Mode.TEXT, {}, {"aspect_ratio": "landscape", "n_frames": "10", "remove_watermark": True}),
    (
        "sora-2",
        Mode.IMAGE,
        {"aspect": "9:16", "duration": 15},
        {"aspect_ratio": "portrait", "n_frames": "15", "remove_watermark": True},
    ),
    (
        "sora-2-pro",
        Mode.TEXT,
        {},
        {"aspect_ratio": "landscape", "n_frames": "10", "size": "high", "remove_watermark": True},
    ),
    (
        "sora-2-pro",
        Mode.IMAGE,
        {"aspect": "9:16"},
        {"aspect_ratio": "portrait", "n_frames": "10", "size": "standard", "remove_watermark": True},
    ),
]


@pytest.mark.parametrize(("model_id", "mode", "options", "fields"), FIELDS)
def test_the_provider_is_sent_its_own_fields_with_its_own_types(
    model_id: str, mode: Mode, options: dict[str, object], fields: dict[str, object]
) -> None:
    # Compared as JSON, because True == 1 in Python.
    assert json.dumps(sent(model_id, mode, **options), sort_keys=True) == json.dumps(fields, sort_keys=True)


@pytest.mark.parametrize(
    ("model_id", "mode", "options", "credits"),
    [
        ("seedance-2-fast", Mode.TEXT, {}, 124),  # 5 x 24.8
        ("seedance-2-fast", Mode.IMAGE, {"duration": 4, "quality": "480p"}, 47),  # 4 x 11.7 = 46.8
        ("seedance-2", Mode.TEXT, {}, 205),  # 5 x 41
        ("seedance-2", Mode.TEXT, {"quality": "480p"}, 95),  # 5 x 19
        ("seedance-2", Mode.TEXT, {"quality": "1080p", "duration": 10}, 1020),  # 10 x 102
        ("seedance-2", Mode.IMAGE, {"quality": "4k", "duration": 15}, 3120),  # 15 x 208
        ("seedance-2-5", Mode.TEXT, {}, 315),  # 5 x 63
        ("seedance-2-5", Mode.TEXT, {"quality": "480p", "duration": 4}, 112),  # 4 x 28, as recorded
        ("seedance-2-5", Mode.IMAGE, {"quality": "1080p", "duration": 30}, 4740),  # 30 x 158
        ("kling-3-0", Mode.TEXT, {}, 90),  # 5 x 18
        ("kling-3-0", Mode.TEXT, {"audio": True}, 135),  # 5 x 27
        ("kling-3-0", Mode.TEXT, {"quality": "720p"}, 70),  # 5 x 14
        ("kling-3-0", Mode.IMAGE, {"quality": "720p", "audio": True}, 100),  # 5 x 20
        ("kling-3-0", Mode.IMAGE, {"quality": "4k"}, 335),  # 5 x 67
        ("kling-3-0", Mode.IMAGE, {"quality": "4k", "audio": True}, 335),
        ("kling-3-0-turbo", Mode.TEXT, {}, 90),  # 5 x 18
        ("kling-3-0-turbo", Mode.IMAGE, {"quality": "1080p", "duration": 3}, 68),  # 3 x 22.5 = 67.5
        ("wan-2-7", Mode.TEXT, {}, 120),  # 5 x 24
        ("wan-2-7", Mode.IMAGE, {"quality": "720p", "duration": 15}, 240),  # 15 x 16
        ("wan-3-0", Mode.TEXT, {}, 160),  # 5 x 32
        ("wan-3-0", Mode.TEXT, {"quality": "480p", "duration": 2}, 16),  # 2 x 8
        ("wan-3-0", Mode.IMAGE, {"quality": "720p", "audio": False}, 80),  # 5 x 16
        ("grok-imagine", Mode.TEXT, {}, 15),  # 6 x 2.4 = 14.4
        ("grok-imagine", Mode.TEXT, {"quality": "720p", "duration": 7}, 32),  # 7 x 4.5 = 31.5
        ("grok-imagine", Mode.IMAGE, {"quality": "1080p", "duration": 30}, 240),  # 30 x 8
        ("wan-3-0", Mode.TEXT, {"duration": -1}, 960),  # at most 30 x 32
        ("kling-3-0-omni", Mode.REFERENCE, {}, 70),  # as recorded
        ("kling-2-6", Mode.TEXT, {"audio": True, "duration": 10}, 220),
        ("pixverse-v6", Mode.TEXT, {"quality": "360p", "duration": 1}, 4),  # "4 to 18.4"
        ("gemini-omni", Mode.TEXT, {"quality": "4k", "duration": 10}, 210),  # 126 + 84
        ("grok-imagine-1-5", Mode.IMAGE, {}, 118),  # as recorded
        ("wan-2-6", Mode.IMAGE, {"quality": "720p"}, 70),  # "70 to 315 per clip"
        ("wan-2-6", Mode.TEXT, {"duration": 15}, 315),
        ("hailuo-2-3", Mode.IMAGE, {}, 30),
        ("hailuo-2-3", Mode.IMAGE, {"duration": 10}, 50),
        ("hailuo-2-3", Mode.IMAGE, {"quality": "1080p"}, 50),
        ("hailuo-2-3-pro", Mode.IMAGE, {}, 45),
        ("hailuo-2-3-pro", Mode.IMAGE, {"duration": 10}, 90),
        ("hailuo-2-3-pro", Mode.IMAGE, {"quality": "1080p"}, 80),
        ("minimax-h3", Mode.TEXT, {}, 78),  # 6 x 13
        ("minimax-h3", Mode.IMAGE, {"quality": "768p"}, 48),  # 6 x 8; the first picture is free
        ("sora-2", Mode.TEXT, {}, 30),
        ("sora-2", Mode.IMAGE, {"duration": 15}, 45),
        ("sora-2-pro", Mode.TEXT, {}, 260),  # USD 1.30 at half a cent
        ("sora-2-pro", Mode.IMAGE, {}, 150),  # USD 0.75 at half a cent
    ],
)
def test_prices_are_the_providers_price_list(
    model_id: str, mode: Mode, options: dict[str, object], credits: int
) -> None:
    assert made(model_id, mode, **options).price == credits


@pytest.mark.parametrize(
    ("model_id", "field", "as_list", "formats", "max_bytes", "sides", "ratios"),
    [
        ("seedance-2", "first_frame_url", False, "jpeg png webp bmp tiff gif", 29_999_999, (300, 6000), (0.4, 2.5)),
        ("seedance-2-5", "first_frame_url", False, "jpeg png webp bmp tiff gif", 29_999_999, (300, 6000), (0.4, 2.5)),
        ("kling-3-0", "image_urls", True, "jpeg png", 10_000_000, None, None),
        ("kling-3-0-turbo", "image_urls", True, "jpeg png", 10_000_000, None, None),
        ("wan-2-7", "first_frame_url", False, "jpeg png webp", 10_000_000, None, None),
        ("wan-3-0", "first_frame_url", False, "jpeg png bmp webp", 20_000_000, (240, 8000), (0.125, 8)),
        ("grok-imagine", "image_urls", True, "jpeg png webp", 10_000_000, None, None),
        ("hailuo-2-3", "image_url", False, "jpeg png webp", 10_000_000, None, None),
        ("minimax-h3", "first_frame_url", False, "jpeg png webp", 30_000_000, (256, 5760), (0.4, 2.5)),
        ("sora-2-pro", "image_urls", True, "jpeg png webp", 10_000_000, None, None),
    ],
)
def test_picture_rules_are_the_providers(
    model_id: str,
    field: str,
    as_list: bool,
    formats: str,
    max_bytes: int,
    sides: tuple[int, int] | None,
    ratios: tuple[float, float] | None,
) -> None:
    rules = CATALOGUE.get(model_id).modes[Mode.IMAGE].image

    assert rules is not None
    assert (rules.vendor_field, rules.as_list, rules.max_bytes) == (field, as_list, max_bytes)
    assert {picture_format.value for picture_format in rules.formats} == set(formats.split())
    if sides and ratios:
        assert (rules.min_side, rules.max_side) == sides
        assert (rules.min_ratio, rules.max_ratio) == ratios


def test_ten_seconds_of_hailuo_in_1080p_are_refused_before_anybody_pays() -> None:
    problem = resolve(
        asked("hailuo-2-3", Mode.IMAGE, duration=10, quality="1080p"), CATALOGUE.get(ModelId("hailuo-2-3"))
    )

    assert isinstance(problem, Problem)
    assert (problem.rule, problem.field, problem.nearest) == (Rule.OPTION_COMBINATION, "duration", 6)


def test_hailuo_without_a_picture_says_that_it_only_animates() -> None:
    problem = resolve(asked("hailuo-2-3-pro", Mode.TEXT), CATALOGUE.get("hailuo-2-3-pro"))

    assert isinstance(problem, Problem)
    assert problem.rule is Rule.MODE_TEXT_MISSING


@pytest.mark.parametrize("model_id", ["kling-3-0", "kling-3-0-turbo", "wan-2-7", "grok-imagine", "minimax-h3"])
def test_a_model_that_takes_the_pictures_shape_asks_for_no_aspect(model_id: str) -> None:
    problem = resolve(asked(model_id, Mode.IMAGE, aspect="16:9"), CATALOGUE.get(model_id))

    assert isinstance(problem, Problem)
    assert (problem.rule, problem.field) == (Rule.OPTION_MISSING, "aspect")


@pytest.mark.parametrize(
    ("model_id", "successor"),
    [("sora-2", "seedance-2"), ("sora-2-pro", "seedance-2-5"), ("sora-2-pro-storyboard", "kling-3-0")],
)
def test_sora_is_retired_with_its_date_and_a_living_successor(model_id: str, successor: str) -> None:
    model = CATALOGUE.get(model_id)

    assert model.state is ModelState.RETIRED
    assert model.retired_on == date(2026, 9, 24)
    assert model.successor == successor
    assert CATALOGUE.get(successor).state is ModelState.LIVE


def test_one_changed_line_brings_sora_back(tmp_path: Path) -> None:
    text = (OWN_FOLDER / "sora-2.toml").read_text("utf-8")
    revived = re.sub(r'(?m)^state = "retired"$', 'state = "live"', text)
    (tmp_path / "sora-2.toml").write_text(revived, "utf-8")

    loaded = load(tmp_path)

    assert loaded.problems == []
    assert loaded.catalogue.get("sora-2").state is ModelState.LIVE
    assert loaded.catalogue.get("sora-2").modes == CATALOGUE.get("sora-2").modes
