"""Grok Imagine: numbers for words and texts for pictures, and two models that go on with an earlier task."""

from __future__ import annotations

from sandbox.kie_server.models import (
    NSFW_CHECKER,
    Model,
    Rate,
    choice,
    digits,
    links,
    number,
    prompt,
    text,
    whole,
)
from sandbox.kie_server.schemas import Field, Input, InvalidInputError, Kind, is_given


def _by(field: str, prices: dict[str, float]) -> tuple[Rate, ...]:
    return tuple(Rate(credits=credit, when={field: value}) for value, credit in prices.items())


def _not_spicy_outside(given: Input) -> None:
    if given.get("mode") == "spicy" and is_given(given.get("image_urls")):
        raise InvalidInputError(422, "mode spicy is not supported for external images")


def _one_picture_at_1080p(given: Input) -> None:
    urls = given.get("image_urls")
    if given.get("resolution") == "1080p" and isinstance(urls, list) and len(urls) > 1:
        raise InvalidInputError(422, "only one image is supported at 1080p")


_GROK_VIDEOS = frozenset({"grok-imagine/text-to-video", "grok-imagine/image-to-video", "grok-imagine/extend"})
_GROK_ASPECTS = ("2:3", "3:2", "1:1", "16:9", "9:16")
_GROK_RATES = _by("resolution", {"480p": 2.4, "720p": 4.5, "1080p": 8})
_GROK_MODE = choice("mode", "fun", "normal", "spicy", default="normal")
_GROK_RESOLUTION = choice("resolution", "480p", "720p", "1080p", default="480p")

MODELS = (
    Model(
        slug="grok-imagine/text-to-video",
        fields=(
            prompt(high=5000),
            choice("aspect_ratio", *_GROK_ASPECTS, default="2:3"),
            number("duration", 6, 30, default=6),
            _GROK_RESOLUTION,
            _GROK_MODE,
            NSFW_CHECKER,
        ),
        rates=_GROK_RATES,
        has_sound=True,
    ),
    # Nothing is required: an empty input is accepted, and billed. Never probe this one.
    Model(
        slug="grok-imagine/image-to-video",
        fields=(
            prompt(high=5000, low=0, is_required=False),
            links("image_urls", 7),
            text("task_id", high=128),
            whole("index", 0, 5),
            digits("duration", 6, 30, default="6"),
            choice("aspect_ratio", *_GROK_ASPECTS),
            _GROK_RESOLUTION,
            _GROK_MODE,
            NSFW_CHECKER,
        ),
        rates=_GROK_RATES,
        rules=(_not_spicy_outside,),
        has_sound=True,
    ),
    # In fact it needs a picture, although its page says that nothing is required.
    Model(
        slug="grok-imagine-video-1-5-preview",
        fields=(
            prompt(high=4096, low=0, is_required=False),
            links("image_urls", 7, is_required=True),
            whole("duration", 1, 15, default=8),
            _GROK_RESOLUTION,
            choice("aspect_ratio", "auto", *_GROK_ASPECTS, default="auto"),
            NSFW_CHECKER,
        ),
        # 118 credits for 8 s at 480p are recorded; the steps above are in the proportion of the elder's.
        rates=_by("resolution", {"480p": 14.75, "720p": 27.7, "1080p": 49.2}),
        rules=(_one_picture_at_1080p,),
        has_sound=True,
    ),
    Model(
        slug="grok-imagine/extend",
        fields=(
            prompt(high=5000),
            Field(name="task_id", kind=Kind.TEXT, is_required=True, low=1, high=100),
            Field(name="extend_at", kind=Kind.NUMBER, is_required=True, low=0),
            choice("extend_times", "6", "10", is_required=True),
            # Not for clients to say: it is that of the earlier video.
            choice("resolution", "480p", "720p", default="480p"),
        ),
        rates=tuple(
            Rate(credits=credit, when={"extend_times": seconds, "resolution": resolution}, is_per_second=False)
            for (seconds, resolution), credit in {
                ("6", "480p"): 10,
                ("6", "720p"): 20,
                ("10", "480p"): 20,
                ("10", "720p"): 30,
            }.items()
        ),
        has_sound=True,
        works_on=_GROK_VIDEOS,
    ),
    Model(
        slug="grok-imagine/upscale",
        fields=(Field(name="task_id", kind=Kind.TEXT, is_required=True, low=1, high=100),),
        rates=(Rate(credits=10, is_per_second=False),),
        has_sound=True,
        works_on=_GROK_VIDEOS,
    ),
)
