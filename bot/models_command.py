"""`python -m bot models`: the catalogue as a host needs it: printed, checked, and held against what is really sold."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

from bot.catalogue import loader
from bot.domain.ids import ProviderId
from bot.domain.models import Catalogue, Mode, ModelState, ModeSpec, OptionName, PriceRow, VideoModel, closest_model_id
from bot.domain.values import offered, show
from bot.domain.videos import lowest_price
from bot.errors import ProviderError
from bot.ports import NotSold, ProbeAnswer, Provider, SystemClock
from bot.providers import registry
from bot.providers.adapter import Adapter
from bot.settings import OfflineSettings, check_provider


@dataclass(frozen=True, slots=True)
class Answer:
    """Lines for the host, and whether something needs mending."""

    lines: list[str]
    is_right: bool = True


def add_arguments(command: argparse.ArgumentParser) -> None:
    acts = command.add_subparsers(dest="act", metavar="ACT")
    command.set_defaults(act="list")
    acts.add_parser("list", help="every model with its state, its modes and its price")
    shown = acts.add_parser("show", help="one model with all its options, limits and prices")
    shown.add_argument("model", metavar="ID")
    check = acts.add_parser("check", help="what is wrong with the files in DATA_DIR/catalogue; exit 1 if anything is")
    check.add_argument(
        "--probe", action="store_true", help="ask the providers, at no cost, whether they sell what the files say"
    )


def run(settings: OfflineSettings, options: argparse.Namespace) -> Answer:
    loaded = loader.load(settings.folders.catalogue)
    match options.act:
        case "list":
            return Answer(list(_list(loaded.catalogue, {*registry.configured(settings)})))
        case "show":
            return _show(loaded.catalogue, options.model)
        case _:
            if options.probe:
                check_provider(settings)
            probed = asyncio.run(_probe(settings, loaded.catalogue)) if options.probe else Answer([])
            files = [str(problem) for problem in loaded.problems]
            right = f"{len(loaded.catalogue.models)} models are right"
            wrong = [*files, f"{right}; the files above are left out"] if files else [right]
            return Answer([*wrong, *probed.lines], not files and probed.is_right)


def _list(catalogue: Catalogue, configured: set[ProviderId]) -> Iterator[str]:
    width = max((len(model.id) for model in catalogue.models.values()), default=0)
    for model in catalogue.models.values():
        prices = [credits for mode in model.modes if (credits := lowest_price(model, mode)) is not None]
        cheapest = f"from {min(prices)} credits" if prices else "no price"
        default = " (default)" if model.is_default else ""
        missing = "" if model.provider in configured else f" (no key for {model.provider})"
        yield f"{model.id:<{width}}  {model.state.value:<8} {', '.join(model.modes):<38} {cheapest}{default}{missing}"


def _show(catalogue: Catalogue, typed: str) -> Answer:
    model = catalogue.find(typed)
    if model is None:
        return Answer([f"there is no model {typed!r}; did you mean {closest_model_id(typed, catalogue)}?"], False)
    return Answer([*_head(model), *(line for mode, spec in model.modes.items() for line in _mode(mode, spec))])


def _head(model: VideoModel) -> Iterator[str]:
    yield f"{model.id}: {model.name}, {model.family}, through {model.provider}"
    if model.state is ModelState.RETIRED:
        yield f"retired on {model.retired_on}; instead: {model.successor}"
    else:
        yield model.state.value + (", the default" if model.is_default else "")
    yield f"usually {model.typical}, called slow after {model.soft_limit}, given up after {model.outer_limit}"


def _mode(mode: Mode, spec: ModeSpec) -> Iterator[str]:
    yield ""
    paused = " (paused)" if spec.is_paused else ""
    asked = "" if spec.is_probeable else " (never asked whether it is sold)"
    yield f"{mode}{paused}: {spec.slug}{asked}"
    if spec.prompt.max_length:
        needed = "" if spec.prompt.is_required else ", may be left out"
        yield f"  prompt: {spec.prompt.min_length} to {spec.prompt.max_length} characters{needed}"
    for name, option in spec.options.items():
        where = f" -> {option.vendor_field}" if option.vendor_field else " (never sent)"
        yield f"  {name}: {offered(option)}; left out: {show(name, option.default)}{where}"
    for name, free in spec.free.items():
        yield f"  {name}: {free.low} to {free.high} -> {free.vendor_field}"
    for rules, title in ((spec.image, "picture"), (spec.references, "references")):
        if rules is not None:
            formats = ", ".join(sorted(found.value for found in rules.formats))
            many = f", up to {rules.most}" if rules.most > 1 else ""
            yield f"  {title}: {formats}; at most {rules.max_bytes} bytes{many} -> {rules.vendor_field}"
    if spec.last_frame is not None:
        yield f"  last frame -> {spec.last_frame.vendor_field}"
    if spec.source is not None:
        whose = ", ".join(sorted(spec.source.models)) or "every model"
        yield f"  of finished videos by {whose} -> {spec.source.vendor_field}"
    if spec.fixed:
        yield "  always sent: " + ", ".join(f"{field} = {value!r}" for field, value in spec.fixed.items())
    unit = "a second" if spec.price.per_second else "a clip"
    for row in spec.price.rows:
        yield f"  {row.credits:g} credits {unit}{_when(row)}"


def _when(row: PriceRow) -> str:
    named: Mapping[OptionName, object] = row.when
    return "".join(f", {name} {show(name, value)}" for name, value in row.when.items()) if named else ""


async def _probe(settings: OfflineSettings, catalogue: Catalogue) -> Answer:
    """What the providers say of each model string that a file calls live."""
    lines: list[str] = []
    is_right = True
    async with AsyncExitStack() as stack:
        adapters: dict[ProviderId, Adapter] = registry.build(settings, SystemClock())
        for adapter in adapters.values():
            stack.push_async_callback(adapter.aclose)
        asked: dict[tuple[ProviderId, str], ProbeAnswer | ProviderError] = {}
        for model in catalogue.models.values():
            mine = adapters.get(model.provider)
            if mine is None or not mine.terms.has_free_probe:
                continue
            for spec in model.modes.values():
                key = (model.provider, spec.slug)
                # Never those that bill an empty request.
                if spec.is_probeable and key not in asked:
                    asked[key] = await _asked(mine, spec.slug)
                    await asyncio.sleep(PAUSE)
                found = asked.get(key)
                if found is None:
                    continue
                line, is_as_said = _judged(model, spec, found)
                lines += [line] if line else []
                is_right = is_right and is_as_said
    if not any(adapter.terms.has_free_probe for adapter in adapters.values()):
        lines.append("none of the providers that have a key can be asked at no cost")
    lines.append(f"{len(asked)} model strings were asked about")
    return Answer(list(dict.fromkeys(lines)), is_right)


# Kie takes 20 requests in 10 s from the whole account (its documentation); a running bot needs some of them.
PAUSE = 0.75


async def _asked(provider: Provider, slug: str) -> ProbeAnswer | ProviderError:
    try:
        return await provider.probe(slug)
    except ProviderError as error:
        return error


def _judged(model: VideoModel, spec: ModeSpec, found: ProbeAnswer | ProviderError) -> tuple[str, bool]:
    """A line where the provider says something else than the file, and whether that needs mending."""
    is_live = model.state is ModelState.LIVE and not spec.is_paused
    match found:
        case ProviderError():
            return f"{model.id}: {spec.slug} could not be asked about: {found}", True
        case NotSold(is_known=is_known) if is_live:
            what = "is switched off" if is_known else "is unknown there"
            return f"{model.id}: {spec.slug} {what}, and the file says live", False
        case NotSold():
            return "", True
        case _ if not is_live:
            return f"{model.id}: {spec.slug} is sold, and the file says {model.state}", True
        case _:
            return "", True
