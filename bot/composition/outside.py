"""What the bot talks to beside Discord and its database, as the settings name it.

What few hosts have set up is imported where it is made: the others do not wait for it at each start.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta

from bot import media
from bot.domain.ids import ProviderId
from bot.ports import Assistant, Clock, LinkMaker, Moderator, PriceList, Provider
from bot.providers import registry
from bot.services.keys import Keys
from bot.settings import Settings
from bot.video_links import BucketLinks, OwnLinks

# As in the registry, an adapter is imported only where the host has set it up.


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """Everything that is asked over HTTP; what the host has not set up is None."""

    providers: Mapping[ProviderId, Provider]
    prices: PriceList | None
    pictures: media.Pictures
    downloads: media.VideoDownloads
    assistant: Assistant | None
    moderator: Moderator | None
    links: LinkMaker | None


def build(settings: Settings, keys: Keys, clock: Clock, stack: AsyncExitStack) -> Outside:
    """Everything, closed when the *stack* is."""
    adapters = registry.build(settings, clock)
    pictures = media.Pictures(settings.folders.inputs, allow_private=settings.allow_private_addresses)
    downloads = media.VideoDownloads(allow_private=settings.allow_private_addresses)
    prices = registry.price_list(settings)
    if prices is not None:
        stack.push_async_callback(prices.aclose)
    for closing in (*(adapter.aclose for adapter in adapters.values()), pictures.aclose, downloads.aclose):
        stack.push_async_callback(closing)
    return Outside(
        providers={**adapters},
        prices=prices,
        pictures=pictures,
        downloads=downloads,
        assistant=_assistant(settings, stack),
        moderator=_moderator(settings, stack),
        links=_link_maker(settings, keys, clock, stack),
    )


def _assistant(settings: Settings, stack: AsyncExitStack) -> Assistant | None:
    """The chat model that rewrites prompts, if the host has one."""
    if settings.assist_base_url is None or settings.assist_api_key is None:
        return None
    from bot.providers.chat import ChatAssistant, TokenPrices  # noqa: PLC0415 - see the module's first lines

    asked, answered = settings.assist_prompt_usd, settings.assist_answer_usd
    assistant = ChatAssistant(
        base_url=settings.assist_base_url,
        api_key=settings.assist_api_key.get_secret_value(),
        model=settings.assist_model,
        prices=None if asked is None or answered is None else TokenPrices(prompt=asked, answer=answered),
    )
    stack.push_async_callback(assistant.aclose)
    return assistant


def _moderator(settings: Settings, stack: AsyncExitStack) -> Moderator | None:
    """The host's moderation endpoint, if there is one."""
    if settings.moderation_api_key is None:
        return None
    from bot.providers.moderations import Moderations  # noqa: PLC0415 - see the module's first lines

    moderations = Moderations(
        base_url=settings.moderation_base_url,
        api_key=settings.moderation_api_key.get_secret_value(),
        model=settings.moderation_model,
        is_open=settings.moderation_on_trouble == "open",
    )
    stack.push_async_callback(moderations.aclose)
    return moderations


def _link_maker(settings: Settings, keys: Keys, clock: Clock, stack: AsyncExitStack) -> LinkMaker | None:
    """The host's bucket, else the bot's own server if others can reach it, else nothing of our own."""
    kept = timedelta(days=settings.keep_videos_days)
    own = None if settings.public_url is None else OwnLinks(settings.public_url, keys.derive("videos"), clock, kept)
    if settings.bucket is None:
        return own
    from bot.providers.buckets import Bucket  # noqa: PLC0415 - see the module's first lines

    bucket = Bucket(settings.bucket, clock=clock)
    stack.push_async_callback(bucket.aclose)
    return BucketLinks(bucket, clock, own)
