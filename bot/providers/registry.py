"""Which providers there are, and what each needs to be built; an adapter is imported only when it is built."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pydantic import SecretStr

from bot.domain.ids import ProviderId
from bot.ports import Clock, PictureHost
from bot.providers import callback_forms
from bot.providers.adapter import Adapter
from bot.providers.transport import Transport
from bot.settings import OfflineSettings
from bot.signatures import CallbackForm

if TYPE_CHECKING:
    from bot.providers.kie_prices import KiePrices

# Callbacks of jobs that were submitted before each provider had a name of its own in the address.
OLD_KIE = "kie"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A provider that the bot can speak with. `key` is the setting without which it is not set up."""

    key: str
    build: Callable[[OfflineSettings, Clock], Adapter]
    # None where it calls nobody under a job's address.
    callbacks: Callable[[OfflineSettings], CallbackForm] | None = None


def _kie_jobs(settings: OfflineSettings, clock: Clock) -> Adapter:
    from bot.providers.kie_jobs import KieJobs  # noqa: PLC0415 - see the module's first line

    return _of_kie(KieJobs, settings, clock)


def price_list(settings: OfflineSettings) -> KiePrices | None:
    """The public prices of the provider that publishes them, for hosts who use it; the caller closes it."""
    if settings.kie_api_key is None:
        return None
    from bot.providers.kie_prices import KiePrices  # noqa: PLC0415

    return KiePrices(Transport(key=_secret(settings.kie_api_key)), settings.kie_api_url)


def _kie_veo(settings: OfflineSettings, clock: Clock) -> Adapter:
    from bot.providers.kie_veo import KieVeo  # noqa: PLC0415

    return _of_kie(KieVeo, settings, clock)


def _kie_runway(settings: OfflineSettings, clock: Clock) -> Adapter:
    from bot.providers.kie_runway import KieRunway  # noqa: PLC0415

    return _of_kie(KieRunway, settings, clock)


def _kie_aleph(settings: OfflineSettings, clock: Clock) -> Adapter:
    from bot.providers.kie_aleph import KieAleph  # noqa: PLC0415

    return _of_kie(KieAleph, settings, clock)


def _of_kie(kind: Callable[..., Adapter], settings: OfflineSettings, clock: Clock) -> Adapter:
    return kind(
        api_key=_secret(settings.kie_api_key),
        api_url=settings.kie_api_url,
        upload_url=settings.kie_upload_url,
        clock=clock,
    )


def _google_veo(settings: OfflineSettings, clock: Clock) -> Adapter:
    from bot.providers.google_veo import GoogleVeo  # noqa: PLC0415 - see the module's first line

    return GoogleVeo(api_key=_secret(settings.google_api_key), base_url=settings.google_base_url)


def _google_omni(settings: OfflineSettings, clock: Clock) -> Adapter:
    from bot.providers.google_omni import GoogleOmni  # noqa: PLC0415 - see the module's first line

    return GoogleOmni(api_key=_secret(settings.google_api_key), base_url=settings.google_base_url)


def _replicate(settings: OfflineSettings, clock: Clock) -> Adapter:
    from bot.providers.replicate import Replicate  # noqa: PLC0415 - see the module's first line

    return Replicate(api_token=_secret(settings.replicate_api_token), base_url=settings.replicate_base_url)


def _replicate_callbacks(settings: OfflineSettings) -> CallbackForm:
    return callback_forms.standard(settings.replicate_webhook_key)


def _huggingface(settings: OfflineSettings, clock: Clock) -> Adapter:
    from bot.providers.huggingface import HuggingFace  # noqa: PLC0415 - see the module's first line

    return HuggingFace(api_token=_secret(settings.hf_api_token), base_url=settings.hf_base_url)


def _openai_videos(settings: OfflineSettings, _clock: Clock) -> Adapter:
    from bot.providers.openai_videos import OpenAIVideos  # noqa: PLC0415

    return OpenAIVideos(
        api_key=_secret(settings.openai_api_key), base_url=settings.openai_base_url, pictures=_picture_host(settings)
    )


def _picture_host(settings: OfflineSettings) -> PictureHost | None:
    """The host's own choice, for gateways that take a picture by its address; the others take the picture itself."""
    from bot.providers.imgbb import Imgbb  # noqa: PLC0415

    if settings.imgbb_api_key is None:
        return None
    return Imgbb(api_key=settings.imgbb_api_key.get_secret_value(), base_url=settings.imgbb_base_url)


def _xai_videos(settings: OfflineSettings, _clock: Clock) -> Adapter:
    from bot.providers.xai_videos import XAIVideos  # noqa: PLC0415

    return XAIVideos(api_key=_secret(settings.xai_api_key), base_url=settings.xai_base_url)


def _openai_callbacks(settings: OfflineSettings) -> CallbackForm:
    return replace(callback_forms.standard(settings.openai_webhook_key), is_account_wide=True)


def _kie_callbacks(settings: OfflineSettings) -> CallbackForm:
    return callback_forms.kie(settings.kie_webhook_key)


ENTRIES: Mapping[ProviderId, Entry] = {
    ProviderId("kie_jobs"): Entry(key="KIE_API_KEY", build=_kie_jobs, callbacks=_kie_callbacks),
    ProviderId("kie_veo"): Entry(key="KIE_API_KEY", build=_kie_veo, callbacks=_kie_callbacks),
    ProviderId("kie_runway"): Entry(key="KIE_API_KEY", build=_kie_runway, callbacks=_kie_callbacks),
    ProviderId("kie_aleph"): Entry(key="KIE_API_KEY", build=_kie_aleph, callbacks=_kie_callbacks),
    ProviderId("google_veo"): Entry(key="GOOGLE_API_KEY", build=_google_veo),
    ProviderId("google_omni"): Entry(key="GOOGLE_API_KEY", build=_google_omni),
    ProviderId("replicate"): Entry(key="REPLICATE_API_TOKEN", build=_replicate, callbacks=_replicate_callbacks),
    ProviderId("huggingface"): Entry(key="HF_API_TOKEN", build=_huggingface),
    ProviderId("openai_videos"): Entry(key="OPENAI_API_KEY", build=_openai_videos, callbacks=_openai_callbacks),
    ProviderId("xai_videos"): Entry(key="XAI_API_KEY", build=_xai_videos),
}


def configured(settings: OfflineSettings) -> list[ProviderId]:
    """The providers whose key the host has given."""
    return [name for name, entry in ENTRIES.items() if getattr(settings, entry.key.lower()) is not None]


def build(settings: OfflineSettings, clock: Clock) -> dict[ProviderId, Adapter]:
    """An adapter for each configured provider; the caller closes them."""
    return {name: ENTRIES[name].build(settings, clock) for name in configured(settings)}


def callback_forms_of(settings: OfflineSettings) -> dict[str, CallbackForm]:
    """How those call back who can, by the name that stands in the address."""
    entries = {name: ENTRIES[name].callbacks for name in configured(settings)}
    forms: dict[str, CallbackForm] = {name: form(settings) for name, form in entries.items() if form is not None}
    return forms | ({OLD_KIE: _kie_callbacks(settings)} if settings.kie_api_key is not None else {})


def _secret(key: SecretStr | None) -> str:
    if key is None:
        raise AssertionError("a provider is built only when its key is there")
    return key.get_secret_value()
