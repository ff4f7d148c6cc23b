"""Families with few members: Hailuo, MiniMax, HappyHorse, PixVerse, Gemini Omni, Topaz."""

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
    number,
    prompt,
    whole,
)
from sandbox.kie_server.scenarios import PendingCredits
from sandbox.kie_server.schemas import Field, Kind, Media, at_least_one, never


def _by(field: str, prices: dict[str, float]) -> tuple[Rate, ...]:
    return tuple(Rate(credits=credit, when={field: value}) for value, credit in prices.items())


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


def _hailuo_02(slug: str, rates: tuple[Rate, ...], *own: Field) -> Model:
    return Model(
        slug=slug,
        fields=(prompt(high=1500), flag("prompt_optimizer", default=True), NSFW_CHECKER, *own),
        rates=rates,
        missing_text="This field is required",
    )


_HAILUO_SECONDS = choice("duration", "6", "10", default="6")
_HAILUO_PICTURES = (link("image_url", is_required=True), link("end_image_url"))
_HAILUO_02_CLIPS = (
    Rate(credits=30, when={"duration": "6"}, is_per_second=False),
    Rate(credits=50, when={"duration": "10"}, is_per_second=False),
)
_HAILUO_02_PRO = (Rate(credits=57, is_per_second=False),)

HAILUO = (
    _hailuo_02("hailuo/02-text-to-video-standard", _HAILUO_02_CLIPS, _HAILUO_SECONDS),
    _hailuo_02(
        "hailuo/02-image-to-video-standard",
        _HAILUO_02_CLIPS,
        _HAILUO_SECONDS,
        choice("resolution", "512P", "768P", default="768P"),
        *_HAILUO_PICTURES,
    ),
    _hailuo_02("hailuo/02-text-to-video-pro", _HAILUO_02_PRO),
    _hailuo_02("hailuo/02-image-to-video-pro", _HAILUO_02_PRO, *_HAILUO_PICTURES),
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


_MINIMAX_IMAGES = ImageRule(max_bytes=30_000_000, min_side=256, max_side=5760)
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
        images=_MINIMAX_IMAGES,
        has_sound=True,
    ),
    # What it costs is in no source; that of the others, and nothing for the pictures.
    Model(
        slug="minimax-h3/reference-to-video",
        fields=_minimax(
            "minimax-h3/reference-to-video",
            links("reference_image_urls", 9),
            links("reference_video_urls", 3, Media.VIDEO),
            links("reference_audio_urls", 3, Media.AUDIO),
        ),
        rates=_MINIMAX_RATES,
        rules=(at_least_one("reference_image_urls", "reference_video_urls"),),
        images=_MINIMAX_IMAGES,
        has_sound=True,
    ),
)


def _happyhorse(slug: str, *own: Field, needs_prompt: bool = True) -> Model:
    is_first = slug.startswith("happyhorse/")
    seed = (whole("seed", 0, 2**31 - 1),) if is_first else ()
    return Model(
        slug=slug,
        fields=(
            *seed,
            prompt(high=5000, is_required=needs_prompt),
            number("duration", 3, 15, default=5),
            choice("resolution", "720p", "1080p", default="1080p"),
            NSFW_CHECKER,
            *own,
        ),
        rates=_by("resolution", {"720p": 28, "1080p": 48} if is_first else {"720p": 33, "1080p": 42.5}),
        images=ImageRule(max_bytes=10_000_000 if is_first else 20_000_000, min_side=300),
        has_sound=True,
    )


_HAPPY_ASPECT = choice("aspect_ratio", "16:9", "9:16", "1:1", "4:3", "3:4", default="16:9")

HAPPYHORSE = tuple(
    model
    for maker in ("happyhorse-1-1", "happyhorse")
    for model in (
        _happyhorse(f"{maker}/text-to-video", _HAPPY_ASPECT),
        _happyhorse(f"{maker}/image-to-video", links("image_urls", 1, is_required=True), needs_prompt=False),
        _happyhorse(f"{maker}/reference-to-video", links("reference_image", 9, is_required=True), _HAPPY_ASPECT),
    )
)


# Silent and with sound, a second. Kie's list only says "4 to 18.4"; the steps are from a client's copy of its page.
_PIXVERSE = {"360p": (4, 5.6), "540p": (5.6, 7.2), "720p": (7.2, 9.6), "1080p": (14.4, 18.4)}
_PIXVERSE_REFERENCE = {"360p": (4.5, 6.3), "540p": (6.3, 8.1), "720p": (8.1, 10.8), "1080p": (16.2, 20.7)}


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
        rates=tuple(
            Rate(credits=credit, when={"quality": quality, "generate_audio_switch": has_sound})
            for quality, both in (_PIXVERSE_REFERENCE if "reference" in slug else _PIXVERSE).items()
            for has_sound, credit in zip((False, True), both, strict=True)
        ),
        images=ImageRule(max_bytes=20_000_000),
    )


PIXVERSE = (
    _pixverse(
        "pixverse-v6/text-to-video",
        choice("aspect_ratio", "16:9", "4:3", "1:1", "3:4", "9:16", "21:9", is_required=True),
    ),
    _pixverse("pixverse-v6/image-to-video", links("image_urls", 2, is_required=True)),
    _pixverse(
        "pixverse-v6/reference-to-video",
        links("image_urls", 7, is_required=True),
        choice("aspect_ratio", "16:9", "4:3", "1:1", "3:4", "9:16", "21:9", is_required=True),
    ),
)

_GEMINI_FIELDS = (
    prompt(high=20_000),
    choice("duration", "4", "6", "8", "10", is_required=True),
    choice("resolution", "720p", "1080p", "4k", default="720p"),
    choice("aspect_ratio", "16:9", "9:16", default="16:9"),
    links("image_urls", 7),
)
_GEMINI_RATES = tuple(
    Rate(credits=credit, when={"duration": seconds}, is_per_second=False)
    for seconds, credit in {"4": 63.0, "6": 84.0, "8": 105.0, "10": 126.0}.items()
)
_GEMINI_4K = (Rate(credits=84, when={"resolution": "4k"}, is_per_second=False),)

GEMINI = (
    Model(
        slug="google/gemini-omni-flash-1-1",
        fields=_GEMINI_FIELDS,
        rates=_GEMINI_RATES,
        surcharges=_GEMINI_4K,
        has_sound=True,
        pending_credits=PendingCredits.FULL,
        has_newer_record=True,
    ),
    Model(
        slug="gemini-omni-video",
        fields=(
            *_GEMINI_FIELDS,
            links("video_list", 1, Media.VIDEO),
            Field(name="character_ids", kind=Kind.TEXTS, high=3),
            Field(name="audio_ids", kind=Kind.TEXTS, high=3),
            whole("seed", 0, 2**31 - 1),
        ),
        rates=_GEMINI_RATES,
        surcharges=_GEMINI_4K,
        images=ImageRule(max_bytes=20_000_000),
        has_sound=True,
        pending_credits=PendingCredits.FULL,
    ),
)

TOPAZ = (
    Model(
        slug="topaz/video-upscale",
        fields=(
            link("video_url", Media.VIDEO, is_required=True),
            choice("upscale_factor", "1", "2", "4", default="2"),
        ),
        # "8 / 14 per s"; which factor costs which is a guess.
        rates=(Rate(credits=14, when={"upscale_factor": "4"}), Rate(credits=8)),
    ),
)

MODELS = (*HAILUO, *MINIMAX, *HAPPYHORSE, *PIXVERSE, *GEMINI, *TOPAZ)
