"""ByteDance Seedance: long prompts, frames or references, sound unless refused."""

from __future__ import annotations

from sandbox.kie_server.models import (
    NSFW_CHECKER,
    PRESENT,
    ImageRule,
    Model,
    Rate,
    choice,
    flag,
    link,
    links,
    prompt,
    whole,
)
from sandbox.kie_server.schemas import Field, Media, at_least_one, needs, not_together

_IMAGES = ImageRule(
    formats=frozenset({"JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"}),
    max_bytes=30_000_000,
    min_side=300,
    max_side=6000,
    max_aspect=2.5,
)
_FRAMES = ("first_frame_url", "last_frame_url")
_REFERENCES = ("reference_image_urls", "reference_video_urls", "reference_audio_urls")
_ASPECTS = ("1:1", "4:3", "3:4", "16:9", "9:16", "21:9", "adaptive")


def _rates(plain: dict[str, float], with_video: dict[str, float]) -> tuple[Rate, ...]:
    video = [
        Rate(credits=credit, when={"resolution": resolution, "reference_video_urls": PRESENT})
        for resolution, credit in with_video.items()
    ]
    return (*video, *(Rate(credits=credit, when={"resolution": resolution}) for resolution, credit in plain.items()))


def _seedance_2(slug: str, resolutions: tuple[str, ...], rates: tuple[Rate, ...], *extra: Field) -> Model:
    return Model(
        slug=slug,
        fields=(
            prompt(low=3, high=20_000, is_required=False),
            link("first_frame_url"),
            link("last_frame_url"),
            links("reference_image_urls", 9),
            links("reference_video_urls", 3, Media.VIDEO),
            links("reference_audio_urls", 3, Media.AUDIO),
            choice("resolution", *resolutions, default="720p"),
            choice("aspect_ratio", *_ASPECTS, default="16:9"),
            whole("duration", 4, 15, default=5),
            flag("generate_audio", default=True),
            flag("web_search", default=False),
            NSFW_CHECKER,
            *extra,
        ),
        rates=rates,
        rules=(at_least_one("prompt", *_FRAMES, *_REFERENCES), not_together(_FRAMES, _REFERENCES)),
        images=_IMAGES,
    )


_LAST_FRAME = flag("return_last_frame", default=False)

MODELS = (
    _seedance_2(
        "bytedance/seedance-2",
        ("480p", "720p", "1080p", "4k"),
        _rates({"480p": 19, "720p": 41, "1080p": 102, "4k": 208}, {"480p": 11.5, "720p": 25, "1080p": 62, "4k": 128}),
        _LAST_FRAME,
    ),
    # No separate price with a reference video is known for fast and mini.
    _seedance_2("bytedance/seedance-2-fast", ("480p", "720p"), _rates({"480p": 11.7, "720p": 24.8}, {}), _LAST_FRAME),
    _seedance_2("bytedance/seedance-2-mini", ("480p", "720p"), _rates({"480p": 3.8, "720p": 8.2}, {})),
    Model(
        slug="bytedance/seedance-2-5",
        fields=(
            prompt(high=30_000, is_required=False),
            link("first_frame_url"),
            link("last_frame_url"),
            links("reference_image_urls", 30),
            links("reference_video_urls", 10, Media.VIDEO),
            links("reference_audio_urls", 10, Media.AUDIO),
            choice("resolution", "480p", "720p", "1080p", default="720p"),
            choice("aspect_ratio", *_ASPECTS, default="adaptive"),
            whole("duration", 4, 30, default=5, besides=(-1,)),
            choice("output_format", "mp4", "mov", default="mp4"),
            flag("generate_audio", default=True),
            NSFW_CHECKER,
        ),
        rates=_rates({"480p": 28, "720p": 63, "1080p": 158}, {"480p": 17, "720p": 38, "1080p": 95}),
        rules=(
            at_least_one("prompt", *_FRAMES, *_REFERENCES),
            not_together(_FRAMES, _REFERENCES),
            needs("last_frame_url", "first_frame_url"),
        ),
        images=_IMAGES,
    ),
)
