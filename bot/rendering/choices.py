"""What autocomplete shows: models and option values with what they cost and how long they take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal

from bot.domain.jobs import Job
from bot.domain.models import AUTO_DURATION, ModeSpec, OptionName, OptionSpec, OptionValue, VideoModel
from bot.domain.values import show
from bot.domain.videos import price
from bot.i18n import Texts
from bot.rendering.words import about, credits_of, state_of

# Discord: at most 25 choices, a choice's name at most 100 characters (documentation of application commands).
MAX_CHOICES = 25
MAX_NAME = 100


def model_choice(
    _: Texts, model: VideoModel, credits: int | None, typical: timedelta, *, needs_image: bool = False
) -> str:
    """ "Seedance 2 Fast · 124 credits · about 3 min": with the model's defaults."""
    facts = [
        *([] if credits is None else [credits_of(_, credits)]),
        about(_, typical),
        *([_("needs an image")] if needs_image else []),
    ]
    # A long name gives way: what it costs must be seen.
    rest = "".join(f" · {fact}" for fact in facts)
    return cut(model.name, MAX_NAME - len(rest)) + rest


def is_meant(model: VideoModel, typed: str) -> bool:
    """Whether what was typed so far may mean this model."""
    words = [word.casefold() for word in (model.id, model.name, model.family)]
    return all(any(wanted in word for word in words) for wanted in typed.casefold().split())


def option_choices(
    _: Texts,
    spec: ModeSpec,
    name: OptionName,
    chosen: Mapping[OptionName, OptionValue],
    typed: str,
    markup: Decimal,
    *,
    pictures: int = 0,
) -> Iterator[tuple[str, OptionValue]]:
    """Names and values of one option of the mode; with the price where this option changes it.

    *chosen* are the other options as far as the member has named them. What is not sold with them is left out.
    """
    option = spec.options.get(name)
    if option is None:
        return
    others = {other.name: _valid(other, chosen.get(other.name)) for other in spec.options.values()}
    prices = {
        choice.value: price(spec, {**others, name: choice.value}, markup, pictures=pictures)
        for choice in option.choices
    }
    sold = {value: credits for value, credits in prices.items() if credits is not None}
    wanted = typed.casefold().strip()
    matching = [value for value in sold if show(name, value).casefold().startswith(wanted)]
    # Somebody who has picked a value and comes back to it sees the others again, behind it.
    is_picked = option.find(int(wanted) if wanted.removeprefix("-").isdecimal() else wanted) is not None
    others_too = [value for value in sold if is_picked and value not in matching]
    for value in [*matching, *others_too][:MAX_CHOICES]:
        text = _value_text(_, name, value)
        is_priced = len(set(sold.values())) > 1
        yield cut(f"{text} · {credits_of(_, sold[value])}" if is_priced else text), value


def job_choice(_: Texts, job: Job) -> str:
    """ "12 · posted · A cat surfs": enough to recognise a job."""
    prompt = " ".join(job.video.prompt.split())
    return cut(" · ".join(part for part in (str(job.id), state_of(_, job.state), prompt) if part))


def cut(text: str, limit: int = MAX_NAME) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _value_text(_: Texts, name: OptionName, value: OptionValue) -> str:
    if name is not OptionName.DURATION:
        return show(name, value)
    return _("as the model likes, at most") if value == AUTO_DURATION else _("{seconds} s", seconds=value)


def _valid(option: OptionSpec, value: OptionValue | None) -> OptionValue:
    choice = None if value is None else option.find(value)
    return option.default if choice is None else choice.value
