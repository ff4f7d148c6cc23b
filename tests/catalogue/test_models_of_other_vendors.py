"""Grok Imagine at xAI, and Sora 2 as OpenAI sold it: what is sent and what it costs."""

from __future__ import annotations

import pytest

from bot.catalogue.loader import load
from bot.domain.ids import ModelId
from bot.domain.models import ImageFormat, Mode, ModelState
from bot.domain.pictures import Picture
from bot.domain.vendor_inputs import attached, vendor_fields
from bot.domain.videos import VideoRequest, VideoSpec, resolve

CATALOGUE = load().catalogue
PICTURE = Picture(name="1.jpg", format=ImageFormat.JPEG, width=1280, height=720, size=500_000)
SIZES = {"size": "1280x720", "seconds": "8"}


@pytest.mark.parametrize(
    ("name", "mode", "fields", "place", "price"),
    [
        (
            "grok-imagine-xai",
            Mode.TEXT,
            {"aspect_ratio": "16:9", "duration": 6, "resolution": "480p"},
            None,
            60,  # 6 s at USD 0.05
        ),
        ("grok-imagine-xai", Mode.IMAGE, {"duration": 6, "resolution": "480p"}, "image", 60),
        ("sora-2-openai", Mode.TEXT, SIZES, None, 160),  # 8 s at USD 0.10
        ("sora-2-openai", Mode.IMAGE, SIZES, "input_reference", 160),
        ("sora-2-pro-openai", Mode.TEXT, SIZES, None, 480),  # 8 s at USD 0.30
        ("sora-2-pro-openai", Mode.IMAGE, SIZES, "input_reference", 480),
    ],
)
def test_each_model_is_asked_for_in_its_vendors_words_at_its_vendors_price(
    name: str, mode: Mode, fields: dict[str, object], place: str | None, price: int
) -> None:
    model = CATALOGUE.get(name)
    picture = PICTURE if mode is Mode.IMAGE else None

    video = resolve(VideoRequest(prompt="A red fox", model=ModelId(name), picture=picture), model)

    assert isinstance(video, VideoSpec)
    assert vendor_fields(video, model.modes[mode]) == {"prompt": "A red fox", **fields}
    assert [one.vendor_field for one in attached(video, model.modes[mode])] == ([place] if place else [])
    assert video.price == price


def test_what_openai_has_switched_off_says_so() -> None:
    for name in ("sora-2-openai", "sora-2-pro-openai"):
        model = CATALOGUE.get(name)
        assert (model.state, str(model.retired_on)) == (ModelState.RETIRED, "2026-09-24")
