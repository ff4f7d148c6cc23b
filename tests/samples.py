"""A small catalogue, and requests for videos out of it, as the tests of the engine need them."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from decimal import Decimal

from bot.domain.admission import NOBODY_SPECIAL, Requester
from bot.domain.ids import ChannelId, GuildId, InteractionId, ModelId, UserId
from bot.domain.jobs import Place
from bot.domain.models import (
    Catalogue,
    ImageFormat,
    ImageRules,
    Mode,
    ModelState,
    ModeSpec,
    PriceRow,
    PriceTable,
    PromptRules,
    VideoModel,
)
from bot.domain.pictures import Picture
from bot.domain.videos import VideoSpec
from bot.services.jobs import Spot
from tests.fakes import KIE

GUILD = GuildId(10)
OTHER_GUILD = GuildId(20)
ANNA = UserId(1)
BORIS = UserId(2)
STAFF = UserId(3)
ONE = Decimal(1)
MEGABYTE = 1_000_000

_TEXT = ModeSpec(
    slug="maker/text",
    prompt=PromptRules(min_length=1, max_length=2000, is_required=True),
    options={},
    fixed={"seed": 7},
    price=PriceTable(per_second=False, rows=(PriceRow(when={}, credits=100),)),
    image=None,
    is_probeable=True,
)
_PICTURE_RULES = ImageRules(
    vendor_field="image_url",
    as_list=False,
    formats=frozenset({ImageFormat.PNG}),
    max_bytes=10 * MEGABYTE,
    min_side=300,
    max_side=6000,
    min_ratio=0.4,
    max_ratio=2.5,
)


def model(name: str = "maker", **values: object) -> VideoModel:
    """A model of the sample catalogue; *values* replace its fields."""
    text = ModeSpec(**{**_fields(_TEXT), "slug": f"{name}/text"})
    image = ModeSpec(
        **{
            **_fields(_TEXT),
            "slug": f"{name}/image",
            "image": _PICTURE_RULES,
            "is_probeable": name != "biller",
        }
    )
    fields: dict[str, object] = {
        "id": ModelId(name),
        "name": name.title(),
        "provider": KIE,
        "family": "Maker",
        "state": ModelState.LIVE,
        "retired_on": None,
        "successor": None,
        "modes": {Mode.TEXT: text, Mode.IMAGE: image},
        "typical": timedelta(seconds=60),
        "soft_limit": timedelta(minutes=10),
        "outer_limit": timedelta(hours=1),
    }
    return VideoModel(**{**fields, **values})


def _fields(spec: ModeSpec) -> dict[str, object]:
    return {name: getattr(spec, name) for name in spec.__dataclass_fields__}


MAKER = model(is_default=True)
OLD = model("old", state=ModelState.RETIRED, retired_on=date(2026, 9, 24), successor=ModelId("maker"))
BILLER = model("biller", state=ModelState.PAUSED)
CATALOGUE = Catalogue({one.id: one for one in (MAKER, OLD, BILLER)})

PICTURE = Picture(name="1.png", format=ImageFormat.PNG, width=640, height=480, size=5)

_interactions = itertools.count(1000)


def place(guild_id: GuildId = GUILD, interaction_id: int | None = None, *, upload_limit: int = 10 * MEGABYTE) -> Place:
    """Where a command was typed; each call is a command of its own unless *interaction_id* says otherwise."""
    return Place(
        guild_id=guild_id,
        channel_id=ChannelId(100),
        application_id=1,
        interaction_id=InteractionId(next(_interactions) if interaction_id is None else interaction_id),
        interaction_token="token",
        upload_limit=upload_limit,
        locale="en-US",
        guild_locale="en-US",
    )


def video(price: int = 100, picture: Picture | None = None, *, of: VideoModel = MAKER) -> VideoSpec:
    return VideoSpec(
        model=of.id,
        mode=Mode.TEXT if picture is None else Mode.IMAGE,
        prompt="a red fox",
        options={},
        price=price,
        picture=picture,
    )


def spot(
    channel_id: ChannelId | None,
    guild_id: GuildId = GUILD,
    *,
    requester: Requester = NOBODY_SPECIAL,
    catalogue: Catalogue = CATALOGUE,
) -> Spot | None:
    """Where a video is claimed; None are the direct messages."""
    if channel_id is None:
        return None
    return Spot(guild_id=guild_id, channel_id=channel_id, requester=requester, catalogue=catalogue)
