"""Wan 2.5 and 2.6: durations as texts, and short prompts for the oldest and the fastest."""

from __future__ import annotations

from sandbox.kie_server.models import (
    NSFW_CHECKER,
    ImageRule,
    Model,
    Rate,
    choice,
    flag,
    link,
    links,
    prompt,
    text,
    whole,
)
from sandbox.kie_server.schemas import Field

_PICTURES = links("image_urls", 1, is_required=True)


def _rates(middle: float, large: float) -> tuple[Rate, ...]:
    return (Rate(credits=middle, when={"resolution": "720p"}), Rate(credits=large, when={"resolution": "1080p"}))


def _wan_2_6(slug: str, *own: Field, longest_prompt: int = 5000, rates: tuple[Rate, ...] = _rates(14, 21)) -> Model:
    return Model(
        slug=slug,
        fields=(
            prompt(high=longest_prompt),
            choice("duration", "5", "10", "15", default="5"),
            choice("resolution", "720p", "1080p", default="1080p"),
            flag("multi_shots", default=False),
            NSFW_CHECKER,
            *own,
        ),
        rates=rates,
        images=ImageRule(min_side=256 if "flash" in slug else 1),
    )


def _wan_2_5(slug: str, *own: Field) -> Model:
    return Model(
        slug=slug,
        fields=(
            prompt(high=800),
            choice("duration", "5", "10", default="5", is_required=True),
            choice("resolution", "720p", "1080p", default="1080p"),
            text("negative_prompt", high=500),
            whole("seed", 0, 2**31 - 1),
            NSFW_CHECKER,
            *own,
        ),
        rates=_rates(12, 20),
    )


MODELS = (
    _wan_2_6("wan/2-6-text-to-video"),
    _wan_2_6("wan/2-6-image-to-video", _PICTURES),
    _wan_2_6(
        "wan/2-6-flash-image-to-video",
        _PICTURES,
        flag("audio", is_required=True),
        longest_prompt=1500,
        rates=_rates(6, 6),
    ),
    _wan_2_5("wan/2-5-text-to-video"),
    _wan_2_5("wan/2-5-image-to-video", link("image_url", is_required=True)),
)
