"""Google's own models: prices as Google asks them, fields as its Python client has them, and what is switched off."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

import pytest

from bot.catalogue.loader import OWN_FOLDER, load
from bot.domain.ids import ModelId
from bot.domain.models import ImageFormat, Mode, ModelState
from bot.domain.pictures import Picture
from bot.domain.vendor_inputs import vendor_fields
from bot.domain.videos import VideoRequest, VideoSpec, resolve

CATALOGUE = load().catalogue
PICTURE = Picture(name="1.jpg", format=ImageFormat.JPEG, width=1280, height=720, size=500_000)
RETIRED = ("google-veo-3-1", "google-veo-3-1-fast")


def made(model_id: str, **asked: object) -> VideoSpec:
    request = VideoRequest(prompt="A fox", model=ModelId(model_id), **asked)  # type: ignore[arg-type]  # one row, one type
    video = resolve(request, CATALOGUE.get(model_id))
    assert isinstance(video, VideoSpec), video
    return video


@pytest.mark.parametrize(
    ("model_id", "mode", "asked", "fields"),
    [
        (
            "google-omni-1-2",
            Mode.TEXT,
            {},
            {"aspect_ratio": "16:9", "duration": 8, "resolution": "720p"},
        ),
        (
            "google-omni-1-2",
            Mode.IMAGE,
            {"picture": PICTURE, "duration": 15, "quality": "4k", "aspect": "9:16"},
            {"aspect_ratio": "9:16", "duration": 15, "resolution": "4k", "task": "image_to_video"},
        ),
        (
            "google-omni-1-2",
            Mode.REFERENCE,
            {"references": (PICTURE, PICTURE)},
            {"aspect_ratio": "16:9", "duration": 8, "resolution": "720p", "task": "reference_to_video"},
        ),
        ("google-omni-1-1", Mode.TEXT, {"quality": "360p"}, {"aspect_ratio": "16:9", "resolution": "360p"}),
        (
            "google-veo-3-1",
            Mode.TEXT,
            {"quality": "4k", "duration": 4},
            {"aspectRatio": "16:9", "durationSeconds": 4, "resolution": "4k"},
        ),
        (
            "google-veo-3-1-fast",
            Mode.IMAGE,
            {"picture": PICTURE, "last_frame": PICTURE},
            {"aspectRatio": "16:9", "durationSeconds": 8, "resolution": "720p"},
        ),
    ],
)
def test_google_is_sent_its_own_fields(
    model_id: str, mode: Mode, asked: dict[str, object], fields: dict[str, object]
) -> None:
    video = made(model_id, **asked)
    sent = vendor_fields(video, CATALOGUE.get(model_id).modes[mode])

    assert video.mode is mode
    assert json.dumps(sent, sort_keys=True) == json.dumps({"prompt": "A fox", **fields}, sort_keys=True)


@pytest.mark.parametrize(
    ("model_id", "asked", "credits"),
    [
        ("google-omni-1-2", {}, 160),  # 8 x USD 0.10
        ("google-omni-1-2", {"quality": "360p", "duration": 3}, 18),  # 3 x USD 0.03
        ("google-omni-1-2", {"quality": "4k", "duration": 15}, 900),  # 15 x USD 0.30
        ("google-omni-1-1", {}, 200),  # ten seconds, the longest that it may choose
        ("google-omni-1-1", {"quality": "1080p", "picture": PICTURE}, 300),
        ("google-veo-3-1", {}, 640),  # 8 x USD 0.40
        ("google-veo-3-1", {"quality": "4k"}, 960),  # 8 x USD 0.60
        ("google-veo-3-1-fast", {"duration": 4}, 96),  # 4 x USD 0.12
    ],
)
def test_prices_are_dollars_at_half_a_cent_per_credit(model_id: str, asked: dict[str, object], credits: int) -> None:
    assert made(model_id, **asked).price == credits


@pytest.mark.parametrize("model_id", RETIRED)
def test_veo_is_retired_with_its_date_and_a_living_successor(model_id: str) -> None:
    model = CATALOGUE.get(model_id)

    assert (model.state, model.retired_on) == (ModelState.RETIRED, date(2026, 10, 22))
    assert model.successor is not None
    assert CATALOGUE.get(model.successor).state is ModelState.LIVE


@pytest.mark.parametrize("model_id", RETIRED)
def test_one_changed_line_brings_veo_back(model_id: str, tmp_path: Path) -> None:
    text = (OWN_FOLDER / f"{model_id}.toml").read_text("utf-8")
    (tmp_path / f"{model_id}.toml").write_text(re.sub(r'(?m)^state = "retired"$', 'state = "live"', text), "utf-8")

    loaded = load(tmp_path)

    assert loaded.problems == []
    assert loaded.catalogue.get(model_id).state is ModelState.LIVE
