"""Kling before 3.0: clips of five or ten seconds named by texts, and one link where later models take a list."""

from __future__ import annotations

from sandbox.kie_server.families.kling import IMAGES
from sandbox.kie_server.models import (
    NSFW_CHECKER,
    Model,
    Rate,
    choice,
    flag,
    link,
    links,
    number,
    prompt,
    text,
)
from sandbox.kie_server.schemas import Field

_ASPECTS = ("16:9", "9:16", "1:1")
_SECONDS = choice("duration", "5", "10", default="5", is_required=True)


def _clips(short: float, long: float) -> tuple[Rate, ...]:
    return (
        Rate(credits=short, when={"duration": "5"}, is_per_second=False),
        Rate(credits=long, when={"duration": "10"}, is_per_second=False),
    )


def _kling_2_6(slug: str, own: Field) -> Model:
    return Model(
        slug=slug,
        fields=(prompt(high=1000), own, _SECONDS, flag("sound", is_required=True), NSFW_CHECKER),
        rates=(
            Rate(credits=55, when={"duration": "5", "sound": False}, is_per_second=False),
            Rate(credits=110, when={"duration": "10", "sound": False}, is_per_second=False),
            Rate(credits=110, when={"duration": "5", "sound": True}, is_per_second=False),
            Rate(credits=220, when={"duration": "10", "sound": True}, is_per_second=False),
        ),
        images=IMAGES,
    )


def _older(slug: str, longest_prompt: int, rates: tuple[Rate, ...], *own: Field) -> Model:
    return Model(
        slug=slug,
        fields=(
            prompt(high=longest_prompt),
            choice("duration", "5", "10", default="5"),
            text("negative_prompt", high=500),
            number("cfg_scale", 0, 1, default=0.5),
            NSFW_CHECKER,
            *own,
        ),
        rates=rates,
        images=IMAGES,
    )


_ASPECT = choice("aspect_ratio", *_ASPECTS, default="16:9")
_PICTURE = link("image_url", is_required=True)

MODELS = (
    _kling_2_6("kling-2.6/text-to-video", choice("aspect_ratio", *_ASPECTS, default="1:1", is_required=True)),
    _kling_2_6("kling-2.6/image-to-video", links("image_urls", 1, is_required=True)),
    _older("kling/v2-5-turbo-text-to-video-pro", 2500, _clips(42, 84), _ASPECT),
    _older("kling/v2-5-turbo-image-to-video-pro", 2500, _clips(42, 84), _PICTURE, link("tail_image_url")),
    _older("kling/v2-1-standard", 5000, _clips(25, 50), _PICTURE),
    _older("kling/v2-1-pro", 5000, _clips(50, 100), _PICTURE),
    _older("kling/v2-1-master-text-to-video", 5000, _clips(160, 320), _ASPECT),
    _older("kling/v2-1-master-image-to-video", 5000, _clips(160, 320), _PICTURE),
)
