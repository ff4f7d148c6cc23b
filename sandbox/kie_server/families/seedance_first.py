"""ByteDance's models before Seedance 2: clips of five or ten seconds named by texts, and 1.5 Pro between the two."""

from __future__ import annotations

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
    whole,
)
from sandbox.kie_server.schemas import Field

_ASPECTS = ("1:1", "4:3", "3:4", "16:9", "9:16", "21:9")
_RESOLUTIONS = ("480p", "720p", "1080p")
_SEED = whole("seed", -1, 2**31 - 1, default=-1)


def _per_second(prices: dict[str, float]) -> tuple[Rate, ...]:
    return tuple(Rate(credits=credit, when={"resolution": resolution}) for resolution, credit in prices.items())


def _first(slug: str, prices: dict[str, float], *own: Field, resolutions: tuple[str, ...] = _RESOLUTIONS) -> Model:
    return Model(
        slug=slug,
        fields=(
            prompt(high=10_000),
            choice("resolution", *resolutions, default="720p"),
            choice("duration", "5", "10", default="5"),
            NSFW_CHECKER,
            *own,
        ),
        rates=_per_second(prices),
    )


_CAMERA = (flag("camera_fixed", default=False), _SEED, flag("enable_safety_checker", default=True))
_PICTURE = link("image_url", is_required=True)
# What Kie's page asked for these is in no source that agrees with another.
_PRO = {"480p": 2.8, "720p": 6, "1080p": 14}
_LITE = {"480p": 2, "720p": 4.5, "1080p": 10}

MODELS = (
    Model(
        slug="bytedance/seedance-1.5-pro",
        fields=(
            prompt(high=5000),
            choice("aspect_ratio", *_ASPECTS, default="1:1", is_required=True),
            Field(name="duration", kind=number("duration", 4, 12).kind, low=4, high=12, is_required=True),
            links("input_urls", 2),
            choice("resolution", *_RESOLUTIONS, default="720p"),
            flag("fixed_lens", default=False),
            flag("generate_audio", default=False),
            NSFW_CHECKER,
        ),
        rates=tuple(
            Rate(credits=credit * (2 if has_sound else 1), when={"resolution": resolution, "generate_audio": has_sound})
            for resolution, credit in {"480p": 1.75, "720p": 3.5, "1080p": 7.5}.items()
            for has_sound in (True, False)
        ),
    ),
    _first("bytedance/v1-pro-text-to-video", _PRO, choice("aspect_ratio", *_ASPECTS, default="16:9"), *_CAMERA),
    _first("bytedance/v1-pro-image-to-video", _PRO, _PICTURE, *_CAMERA),
    _first("bytedance/v1-lite-text-to-video", _LITE, choice("aspect_ratio", *_ASPECTS, default="16:9"), *_CAMERA),
    _first("bytedance/v1-lite-image-to-video", _LITE, _PICTURE, link("end_image_url"), *_CAMERA),
    _first(
        "bytedance/v1-pro-fast-image-to-video",
        {"720p": 3.6, "1080p": 7.2},
        _PICTURE,
        resolutions=("720p", "1080p"),
    ),
)
