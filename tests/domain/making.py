"""A model with one mode for words and one for a picture, as the tests of requests ask it."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

from bot.domain.ids import ModelId, ProviderId
from bot.domain.models import (
    Choice,
    ImageFormat,
    ImageRules,
    Mode,
    ModelState,
    ModeSpec,
    OptionName,
    OptionSpec,
    OptionValue,
    PriceRow,
    PriceTable,
    PromptRules,
    VideoModel,
)
from bot.domain.pictures import Picture


def option(name: OptionName, *values: OptionValue, default: OptionValue | None = None) -> OptionSpec:
    choices = tuple(Choice(value=value, vendor=value) for value in values)
    first = values[0] if default is None else default
    return OptionSpec(name=name, vendor_field=name.value, choices=choices, default=first)


ASPECT = option(OptionName.ASPECT, "16:9", "9:16", "1:1", "auto")
DURATION = option(OptionName.DURATION, *range(4, 16), default=5)
QUALITY = option(OptionName.QUALITY, "480p", "720p", "1080p", "4k", default="720p")
AUDIO = option(OptionName.AUDIO, True, False)

IMAGE = ImageRules(
    vendor_field="first_frame_url",
    as_list=False,
    formats=frozenset({ImageFormat.JPEG, ImageFormat.PNG}),
    max_bytes=10_000_000,
    min_side=300,
    max_side=6000,
    min_ratio=0.4,
    max_ratio=2.5,
)
TEXT = ModeSpec(
    slug="maker/text",
    prompt=PromptRules(min_length=3, max_length=20, is_required=True),
    options={OptionName.ASPECT: ASPECT, OptionName.DURATION: DURATION, OptionName.QUALITY: QUALITY},
    fixed={"multi_shots": False},
    price=PriceTable(
        per_second=True,
        rows=(
            PriceRow(when={OptionName.QUALITY: "480p"}, credits=11.7),
            PriceRow(when={OptionName.QUALITY: "720p"}, credits=24.8),
            # Nothing longer than five seconds in 1080p, and 4k only in four.
            PriceRow(when={OptionName.QUALITY: "1080p", OptionName.DURATION: 4}, credits=50),
            PriceRow(when={OptionName.QUALITY: "1080p", OptionName.DURATION: 5}, credits=50),
            PriceRow(when={OptionName.QUALITY: "4k", OptionName.DURATION: 4}, credits=100),
        ),
    ),
    image=None,
    is_probeable=True,
)
ANIMATE = dataclasses.replace(
    TEXT, slug="maker/image", image=IMAGE, prompt=PromptRules(min_length=3, max_length=20, is_required=False)
)
MODEL = VideoModel(
    id=ModelId("maker-1"),
    name="Maker 1",
    provider=ProviderId("kie_jobs"),
    family="Maker",
    state=ModelState.LIVE,
    retired_on=None,
    successor=None,
    modes={Mode.TEXT: TEXT, Mode.IMAGE: ANIMATE},
    typical=timedelta(seconds=60),
    soft_limit=timedelta(minutes=10),
    outer_limit=timedelta(hours=1),
)
PICTURE = Picture(name="1.png", format=ImageFormat.PNG, width=1280, height=720, size=1_000_000)
