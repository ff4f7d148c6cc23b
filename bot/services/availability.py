"""Which models can be had now: the catalogue as far as the provider's own answers bear it out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bot.domain.ids import ModelId, ProviderId
from bot.domain.models import Catalogue, Mode, ModelState, ModeSpec, VideoModel, closest_model_id
from bot.domain.videos import lowest_price
from bot.errors.requests import ModelRetiredError, ModelUnavailableError, UnknownModelError
from bot.ports import NotSold, ProbeAnswer, Sold
from bot.services.sharing import Sharing


@dataclass(frozen=True, slots=True)
class Slug:
    """A provider's model string, as far as we may ask about it."""

    provider: ProviderId
    text: str
    is_probeable: bool


class Availability:
    """The models on offer. What the provider answered last overrides what the file says, while the bot runs.

    Models of a provider that the host has not set up are there for the host and for old jobs, and for nobody else.
    """

    def __init__(self, catalogue: Catalogue, providers: Collection[ProviderId] | None = None) -> None:
        """*providers* are those that are set up; None where that does not matter."""
        self.catalogue = catalogue
        self._providers = providers
        self._observed: dict[tuple[ProviderId, str], bool] = {}
        self._decided: Mapping[ModelId, ModelState] = {}

    @property
    def visible(self) -> Catalogue:
        """The models that members may hear of."""
        if self._providers is None:
            return self.catalogue
        return Catalogue({name: model for name, model in self.catalogue.models.items() if self.is_set_up(model)})

    def note(self, provider: ProviderId, slug: str, answer: ProbeAnswer) -> bool:
        """Remember what the provider said of a model string; True when that changes what is offered."""
        is_sold = isinstance(answer, Sold)
        before = [(model.id, self.modes(model)) for model in self.visible.models.values()]
        self._observed[provider, slug] = is_sold
        return before != [(model.id, self.modes(model)) for model in self.visible.models.values()]

    def note_paused(self, provider: ProviderId, slug: str, detail: str) -> bool:
        """A create call learnt that the model is switched off."""
        return self.note(provider, slug, NotSold(is_known=True, detail=detail))

    def decide(self, states: Mapping[ModelId, ModelState]) -> None:
        """What the host has decided about models stands above file and provider."""
        self._decided = states

    def slugs(self) -> list[Slug]:
        """Every model string of the providers that are set up, once."""
        found = {
            (model.provider, spec.slug): Slug(model.provider, spec.slug, spec.is_probeable)
            for model in self.visible.models.values()
            for spec in model.modes.values()
        }
        return list(found.values())

    def modes(self, model: VideoModel) -> tuple[Mode, ...]:
        """The modes of the model that can be used now."""
        if not self.is_set_up(model):
            return ()
        return tuple(mode for mode, spec in model.modes.items() if self._is_live(model, spec))

    def is_set_up(self, model: VideoModel) -> bool:
        """Whether the host has given the key of the model's provider."""
        return self._providers is None or model.provider in self._providers

    def is_offered(self, model: VideoModel) -> bool:
        return bool(self.modes(model))

    def offered(self) -> Iterator[VideoModel]:
        """The models that can be used now, in the catalogue's order."""
        return (model for model in self.visible.models.values() if self.is_offered(model))

    def cheapest(self, markup: Decimal) -> int | None:
        """The lowest price of anything on offer; None when nothing is."""
        prices = (lowest_price(model, mode, markup) for model in self.offered() for mode in self.modes(model))
        return min((price for price in prices if price is not None), default=None)

    def default(self, mode: Mode) -> VideoModel | None:
        """What is used when the member names no model; None when nothing can be had."""
        # Each /video comes by here: mostly it is the first one that is looked at.
        models = sorted(self.visible.models.values(), key=lambda model: not model.is_default)
        return next((model for model in models if mode in self.modes(model)), None)

    def get(self, typed: str, mode: Mode) -> VideoModel:
        """The model that a member named, if it can be used now in this mode or has no such mode at all.

        Raises UnknownModelError or ModelUnavailableError, each with what to take instead. A model without the mode
        passes: its rules say that better than "switched off" would.
        """
        model = self.visible.find(typed)
        if model is None:
            raise UnknownModelError(
                given=typed[:100].replace("`", "'"), nearest=closest_model_id(typed, self.visible) or "/models"
            )
        if mode in self.modes(model) or (self.is_offered(model) and mode not in model.modes):
            return model
        successor = self._successor(model, mode)
        instead = successor.id if successor else "/models"
        if model.state is ModelState.RETIRED and model.retired_on is not None:
            raise ModelRetiredError(model=model.name, since=model.retired_on.isoformat(), successor=instead)
        raise ModelUnavailableError(model=model.name, successor=instead)

    def _successor(self, model: VideoModel, mode: Mode) -> VideoModel | None:
        """The named successor, or its successor and so on, if usable; else the default."""
        seen = {model.id}
        candidate = model
        while candidate.successor is not None and candidate.successor not in seen:
            seen.add(candidate.successor)
            candidate = self.catalogue.get(candidate.successor)
            if mode in self.modes(candidate):
                return candidate
        return self.default(mode)

    def _is_live(self, model: VideoModel, spec: ModeSpec) -> bool:
        if spec.is_paused:
            # The file's own word, mostly because nobody knows the price; that the provider sells it changes nothing.
            return False
        decided = self._decided.get(model.id)
        if decided is not None:
            return decided is ModelState.LIVE
        observed = self._observed.get((model.provider, spec.slug))
        return model.state is ModelState.LIVE if observed is None else observed


@dataclass(frozen=True, slots=True)
class Pause:
    """Why a provider gets no jobs: its own words for the host, and since when."""

    reason: str
    since: datetime
    is_empty: bool = False  # nothing is left on the account, or the key has reached its limit
    is_capped: bool = False  # the latter, of which the account's balance says nothing


class ProviderGate:
    """Providers that refuse us as a whole (key, balance, cap): nothing is accepted for them and nothing is sent.

    What is refused is an account, so those that share one are closed and opened together.
    """

    def __init__(self, sharing: Sharing | None = None) -> None:
        self._sharing = sharing or Sharing({})
        self._pauses: dict[ProviderId, Pause] = {}
        self._on_trial: set[ProviderId] = set()
        self._proven: set[ProviderId] = set()

    def pause(
        self, provider: ProviderId, reason: str, now: datetime, *, is_empty: bool = False, is_capped: bool = False
    ) -> bool:
        """Close the provider; True when it was open."""
        first = self._sharing.first(provider)
        if first in self._pauses:
            return False
        self._pauses[first] = Pause(reason, now, is_empty, is_capped)
        self._proven.discard(first)
        return True

    def first(self, provider: ProviderId) -> ProviderId:
        """The name under which the provider's account is closed."""
        return self._sharing.first(provider)

    def resume(self, provider: ProviderId, *, on_trial: bool = False) -> bool:
        """Open the provider; True when it was closed. On trial, only the next job will show whether it takes any."""
        first = self._sharing.first(provider)
        if on_trial:
            self._on_trial.add(first)
        else:
            self._on_trial.discard(first)
        return self._pauses.pop(first, None) is not None

    def is_on_trial(self, provider: ProviderId) -> bool:
        return self._sharing.first(provider) in self._on_trial

    def took_job(self, provider: ProviderId) -> None:
        """The provider has taken a job: whatever it refused before, that is over."""
        first = self._sharing.first(provider)
        if first in self._on_trial:
            self._on_trial.discard(first)
            self._proven.add(first)

    def passed_trial(self) -> set[ProviderId]:
        """The first provider of each account that has passed its trial since this was asked last."""
        passed, self._proven = self._proven, set()
        return passed

    def find(self, provider: ProviderId) -> Pause | None:
        return self._pauses.get(self._sharing.first(provider))

    def closed(self) -> dict[ProviderId, Pause]:
        """By the first provider of each account."""
        return dict(self._pauses)
