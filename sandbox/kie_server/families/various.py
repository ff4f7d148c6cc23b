"""Families with few members: Grok Imagine, Hailuo, MiniMax, HappyHorse, PixVerse, Gemini Omni."""

from __future__ import annotations

from sandbox.kie_server.models import (
    NSFW_CHECKER,
    PRESENT,
    ImageRule,
    Model,
    Rate,
    choice,
    digits,
    flag,
    link,
    links,
    number,
    prompt,
    text,
    whole,
)
from sandbox.kie_server.scenarios import PendingCredits
from sandbox.kie_server.schemas import Field, Input, InvalidInputError, at_least_one, is_given, never


def _by(field: str, prices: dict[str, float]) -> tuple[Rate, ...]:
    return tuple(Rate(credits=credit, when={field: value}) for value, credit in prices.items())


def _not_spicy_outside(given: Input) -> None:
    if given.get("mode") == "spicy" and is_given(given.get("image_urls")):
        raise InvalidInputError(422, "mode spicy is not supported for external images")


_GROK_ASPECTS = ("2:3", "3:2", "1:1", "16:9", "9:16")
_GROK_RATES = _by("resolution", {"480p": 2.4, "720p": 4.5, "1080p": 8})
_GROK_MODE = choice("mode", "fun", "normal", "spicy", default="normal")
_GROK_RESOLUTION = choice("resolution", "480p", "720p", "1080p", default="480p")

GROK = (
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
)


def _hailuo(slug: str, rates: tuple[Rate, ...]) -> Model:
    return Model(
        slug=slug,
        fields=(
            prompt(high=5000),
            link("image_url", is_required=True),
            choice("duration", "6", "10", default="6"),
            choice("resolution", "768P", "1080P", default="768P"),
            NSFW_CHECKER,
        ),
        rates=rates,
        rules=(never("duration", {"duration": "10", "resolution": "1080P"}),),
        missing_text="This field is required",
    )


def _clips(short: float, long: float, large: float) -> tuple[Rate, ...]:
    return (
        Rate(credits=short, when={"duration": "6", "resolution": "768P"}, is_per_second=False),
        Rate(credits=long, when={"duration": "10", "resolution": "768P"}, is_per_second=False),
        Rate(credits=large, when={"duration": "6", "resolution": "1080P"}, is_per_second=False),
    )


HAILUO = (
    # The price of a standard clip at 1080P is in no source; it is taken to cost what ten seconds do.
    _hailuo("hailuo/2-3-image-to-video-standard", _clips(30, 50, 50)),
    _hailuo("hailuo/2-3-image-to-video-pro", _clips(45, 90, 80)),
)

_MINIMAX_ASPECTS = ("21:9", "16:9", "4:3", "1:1", "3:4", "9:16")


def _minimax(slug: str, *own: Field) -> tuple[Field, ...]:
    return (
        prompt(high=7000, is_required=slug.endswith("text-to-video")),
        whole("duration", 4, 15, default=6, is_required=True),
        choice("aspect_ratio", *_MINIMAX_ASPECTS, is_required=slug.endswith("text-to-video")),
        choice("resolution", "768P", "2K", default="2K"),
        NSFW_CHECKER,
        *own,
    )


_MINIMAX_RATES = _by("resolution", {"768P": 8, "2K": 13})

MINIMAX = (
    Model(
        slug="minimax-h3/text-to-video",
        fields=_minimax("minimax-h3/text-to-video"),
        rates=_MINIMAX_RATES,
        has_sound=True,
    ),
    Model(
        slug="minimax-h3/image-to-video",
        fields=_minimax("minimax-h3/image-to-video", link("first_frame_url"), link("last_frame_url")),
        rates=_MINIMAX_RATES,
        surcharges=(
            Rate(credits=4, when={"first_frame_url": PRESENT, "last_frame_url": PRESENT}, is_per_second=False),
        ),
        rules=(at_least_one("first_frame_url", "last_frame_url"),),
        has_sound=True,
    ),
)


def _happyhorse(slug: str, *own: Field, needs_prompt: bool) -> Model:
    return Model(
        slug=slug,
        fields=(
            prompt(high=5000, is_required=needs_prompt),
            number("duration", 3, 15, default=5),
            choice("resolution", "720p", "1080p", default="1080p"),
            NSFW_CHECKER,
            *own,
        ),
        rates=_by("resolution", {"720p": 22.5, "1080p": 29}),
        images=ImageRule(max_bytes=20_000_000, min_side=300),
        has_sound=True,
    )


HAPPYHORSE = (
    _happyhorse(
        "happyhorse-1-1/text-to-video",
        choice("aspect_ratio", "16:9", "9:16", "1:1", "4:3", "3:4", default="16:9"),
        needs_prompt=True,
    ),
    _happyhorse("happyhorse-1-1/image-to-video", links("image_urls", 1, is_required=True), needs_prompt=False),
)


def _pixverse(slug: str, *own: Field) -> Model:
    return Model(
        slug=slug,
        fields=(
            prompt(low=3, high=5000),
            whole("duration", 1, 15, default=5, is_required=True),
            choice("quality", "360p", "540p", "720p", "1080p", default="720p", is_required=True),
            flag("generate_audio_switch", default=False),
            NSFW_CHECKER,
            *own,
        ),
        # Only the ends of the range, 4 and 18.4 a second, are known; the middle is filled in.
        rates=_by("quality", {"360p": 4, "540p": 6, "720p": 9.2, "1080p": 18.4}),
        images=ImageRule(max_bytes=20_000_000),
    )


PIXVERSE = (
    _pixverse(
        "pixverse-v6/text-to-video",
        choice("aspect_ratio", "16:9", "4:3", "1:1", "3:4", "9:16", "21:9", is_required=True),
    ),
    _pixverse("pixverse-v6/image-to-video", links("image_urls", 1, is_required=True)),
)

GEMINI = (
    Model(
        slug="google/gemini-omni-flash-1-1",
        fields=(
            prompt(high=20_000),
            choice("duration", "4", "6", "8", "10", is_required=True),
            choice("resolution", "720p", "1080p", "4k", default="720p"),
            choice("aspect_ratio", "16:9", "9:16", default="16:9"),
            links("image_urls", 7),
        ),
        rates=tuple(
            Rate(credits=credit, when={"duration": seconds}, is_per_second=False)
            for seconds, credit in {"4": 63.0, "6": 84.0, "8": 105.0, "10": 126.0}.items()
        ),
        surcharges=(Rate(credits=84, when={"resolution": "4k"}, is_per_second=False),),
        has_sound=True,
        pending_credits=PendingCredits.FULL,
        has_newer_record=True,
    ),
)

MODELS = (*GROK, *HAILUO, *MINIMAX, *HAPPYHORSE, *PIXVERSE, *GEMINI)
