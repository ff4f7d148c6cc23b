"""Sora 2, paused since June 2026 and switched off in September: the schemas stay for gateways that still speak them."""

from __future__ import annotations

from sandbox.kie_server.models import Model, Rate, choice, flag, link, links, prompt
from sandbox.kie_server.schemas import Field, Kind, Media

_ASPECT = choice("aspect_ratio", "portrait", "landscape", default="landscape")
_FRAMES = choice("n_frames", "10", "15", default="10")
_COMMON = (
    prompt(high=10_000),
    _ASPECT,
    _FRAMES,
    flag("remove_watermark"),
    choice("upload_method", "s3", "oss", default="s3"),
    Field(name="character_id_list", kind=Kind.TEXTS, high=5),
)
_IMAGES = links("image_urls", 1, is_required=True)
_RATES = (
    Rate(credits=30, when={"n_frames": "10"}, is_per_second=False),
    Rate(credits=45, when={"n_frames": "15"}, is_per_second=False),
)
# The sources give ranges (USD 0.45 to 0.75 standard, 1.0 to 1.3 high for ten seconds); these are their lower ends.
_PRO_RATES = (
    Rate(credits=90, when={"size": "standard", "n_frames": "10"}, is_per_second=False),
    Rate(credits=135, when={"size": "standard", "n_frames": "15"}, is_per_second=False),
    Rate(credits=200, when={"size": "high", "n_frames": "10"}, is_per_second=False),
    Rate(credits=300, when={"size": "high", "n_frames": "15"}, is_per_second=False),
)


def _sora(slug: str, *own: Field, rates: tuple[Rate, ...] = _RATES) -> Model:
    return Model(slug=slug, fields=(*_COMMON, *own), rates=rates, is_paused=True, has_sound=True)


MODELS = (
    _sora("sora-2-text-to-video"),
    _sora("sora-2-text-to-video-stable"),
    _sora("sora-2-image-to-video", _IMAGES),
    _sora("sora-2-image-to-video-stable", _IMAGES),
    _sora("sora-2-pro-text-to-video", choice("size", "standard", "high", default="high"), rates=_PRO_RATES),
    _sora(
        "sora-2-pro-image-to-video", choice("size", "standard", "high", default="standard"), _IMAGES, rates=_PRO_RATES
    ),
    Model(
        slug="sora-2-pro-storyboard",
        fields=(
            Field(name="shots", kind=Kind.OBJECTS, low=1, high=10, is_required=True),
            choice("n_frames", "10", "15", "25", default="15"),
            _ASPECT,
            links("image_urls", 1),
        ),
        rates=(
            Rate(credits=150, when={"n_frames": "10"}, is_per_second=False),
            Rate(credits=270, is_per_second=False),
        ),
        is_paused=True,
        has_sound=True,
    ),
    Model(
        slug="sora-watermark-remover",
        fields=(link("video_url", Media.VIDEO, is_required=True),),
        rates=(Rate(credits=10, is_per_second=False),),
        is_paused=True,
        has_sound=True,
    ),
)
