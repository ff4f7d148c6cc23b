"""Wan: "ratio" instead of "aspect_ratio" in 2.7, upper-case resolutions in 3.0."""

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
from sandbox.kie_server.schemas import Field, Media, Rule, at_least_one, needs

_RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4")
_SEED = whole("seed", 0, 2**31 - 1)
_WAN_3_IMAGES = ImageRule(
    formats=frozenset({"JPEG", "PNG", "BMP", "WEBP"}), max_bytes=20_000_000, min_side=240, max_side=8000, max_aspect=8
)


def _rates(middle: float, large: float) -> tuple[Rate, ...]:
    return (Rate(credits=middle, when={"resolution": "720p"}), Rate(credits=large, when={"resolution": "1080p"}))


def _wan_2_7(slug: str, *own: Field, rules: tuple[Rule, ...] = ()) -> Model:
    return Model(
        slug=slug,
        fields=(
            prompt(high=5000),
            choice("resolution", "720p", "1080p", default="1080p"),
            whole("duration", 2, 15, default=5),
            text("negative_prompt", high=500),
            flag("prompt_extend", default=True),
            flag("watermark", default=False),
            _SEED,
            NSFW_CHECKER,
            *own,
        ),
        rates=_rates(16, 24),
        rules=rules,
    )


def _wan_3(slug: str, small: float, middle: float, large: float) -> Model:
    return Model(
        slug=slug,
        fields=(
            prompt(high=20_000, is_required=False),
            link("first_frame_url"),
            link("last_frame_url"),
            links("reference_image_urls", 10),
            links("reference_video_urls", 5, Media.VIDEO),
            links("reference_audio_urls", 5, Media.AUDIO),
            choice("resolution", "480P", "720P", "1080P", default="1080P"),
            choice("aspect_ratio", "adaptive", *_RATIOS, default="adaptive"),
            whole("duration", 2, 30, default=5, besides=(-1,)),
            flag("audio", default=True),
            _SEED,
            NSFW_CHECKER,
        ),
        rates=(
            Rate(credits=small, when={"resolution": "480P"}),
            Rate(credits=middle, when={"resolution": "720P"}),
            Rate(credits=large, when={"resolution": "1080P"}),
        ),
        rules=(
            at_least_one(
                "prompt", "first_frame_url", "reference_image_urls", "reference_video_urls", "reference_audio_urls"
            ),
            needs("last_frame_url", "first_frame_url"),
        ),
        images=_WAN_3_IMAGES,
    )


MODELS = (
    _wan_2_7(
        "wan/2-7-text-to-video",
        choice("ratio", *_RATIOS, default="16:9"),
        link("audio_url", Media.AUDIO),
    ),
    _wan_2_7(
        "wan/2-7-image-to-video",
        link("first_frame_url"),
        link("last_frame_url"),
        link("first_clip_url", Media.VIDEO),
        link("driving_audio_url", Media.AUDIO),
        rules=(at_least_one("first_frame_url", "last_frame_url", "first_clip_url"),),
    ),
    Model(
        slug="wan/2-7-r2v",
        fields=(
            prompt(high=5000),
            links("reference_image", 5),
            links("reference_video", 5, Media.VIDEO),
            link("first_frame"),
            choice("resolution", "720p", "1080p", default="1080p"),
            choice("aspect_ratio", *_RATIOS, default="16:9"),
            whole("duration", 2, 10, default=5),
            NSFW_CHECKER,
        ),
        rates=_rates(16, 24),
        rules=(at_least_one("reference_image", "reference_video"),),
    ),
    _wan_3("wan/3-0-video", 8, 16, 32),
    _wan_3("wan/3-0-video-prime", 12.2, 25.2, 50.4),
)
