"""What staff sees of the last days: a card of sums, and the chart beside it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import discord

from bot.domain.charts import Chart, Panel, Theme
from bot.domain.ids import ModelId
from bot.domain.models import Catalogue
from bot.domain.statistics import Statistics, Tally, sum_of
from bot.i18n import Texts, texts
from bot.rendering import words
from bot.rendering.choices import cut
from bot.rendering.refusals import rule_name
from bot.rendering.replies import MAX_FIELD, embed, joined

# The drawing library's own font has no letters of these.
NOT_DRAWN = ("zh", "ja", "ko")
SHOWN_MODELS = 10
PICTURE = "statistics.png"


def card(_: Texts, found: Statistics, catalogue: Catalogue, *, has_chart: bool) -> discord.Embed:
    """Sums, the models, the members who spent most, and what was refused."""
    total = sum_of([day.tally for day in found.days])
    span = (found.until - found.since).days + 1
    made = embed(_.plural("The last {count} day", "The last {count} days", span), _sums(_, total))
    models = _by_model(found)
    if models:
        lines = (
            f"**{_name(catalogue, model)}** · {_sums(_, tally)}"
            for model, tally in sorted(models.items(), key=lambda each: -each[1].asked)[:SHOWN_MODELS]
        )
        made.add_field(name=_("Models"), value=joined(lines, MAX_FIELD), inline=False)
    if found.top:
        lines = (
            f"<@{member.user_id}> · {words.credits_of(_, member.tally.spent)} · {_asked(_, member.tally)}"
            for member in found.top
        )
        made.add_field(name=_("Members who spent most"), value=joined(lines, MAX_FIELD), inline=False)
    if found.refusals:
        told = " · ".join(f"{rule_name(_, each.rule)} {each.count}" for each in found.refusals)
        made.add_field(name=_("Refused"), value=cut(told, MAX_FIELD), inline=False)
    if has_chart:
        made.set_image(url=f"attachment://{PICTURE}")
    return made.set_footer(text=_("Days are those of UTC, by when a video was asked for."))


def exported(_: Texts, count: int, most: int) -> str:
    text = _.plural("{count} file:", "{count} files:", min(count, most))
    if count > most:
        return text + " " + _("There is more than fits; choose fewer days for the rest.")
    return text


def chart(locale: str, found: Statistics, catalogue: Catalogue, theme: Theme) -> Chart:
    """By day and model: what was asked for, what it cost, what failed."""
    _ = texts("en-US" if locale.startswith(NOT_DRAWN) else locale)
    days = [found.since + timedelta(days=number) for number in range((found.until - found.since).days + 1)]
    # The largest first, so that colours mean the same ones from day to day.
    models = sorted(_by_model(found).items(), key=lambda each: (-each[1].asked, each[0]))
    tallies = {(day.day, day.model): day.tally for day in found.days}

    def panel(title: str, number: str) -> Panel:
        series = [
            (
                _name(catalogue, model),
                [int(getattr(tallies[day, model], number)) if (day, model) in tallies else 0 for day in days],
            )
            for model, _total in models
        ]
        return Panel(title=title, series=series)

    return Chart(
        theme=theme,
        days=[f"{day:%d.%m.}" for day in days],
        panels=[
            panel(_("Videos asked for"), "asked"),
            panel(_("Credits spent"), "spent"),
            panel(_("Videos that failed"), "failed"),
        ],
    )


def _by_model(found: Statistics) -> Mapping[ModelId, Tally]:
    models = {day.model for day in found.days}
    return {model: sum_of([day.tally for day in found.days if day.model == model]) for model in models}


def _sums(_: Texts, tally: Tally) -> str:
    parts = [
        _asked(_, tally),
        _("{count} posted", count=tally.delivered),
        *([_("{count} kept for their members", count=tally.kept)] if tally.kept else []),
        *([_("{count} failed", count=tally.failed)] if tally.failed else []),
        *([_("{count} cancelled", count=tally.cancelled)] if tally.cancelled else []),
        *([_("{count} on their way", count=tally.on_their_way)] if tally.on_their_way else []),
        words.credits_of(_, tally.spent),
    ]
    return " · ".join(parts)


def _asked(_: Texts, tally: Tally) -> str:
    return _.plural("{count} video asked for", "{count} videos asked for", tally.asked)


def _name(catalogue: Catalogue, model: ModelId) -> str:
    known = catalogue.find(model)
    return str(model) if known is None else known.name
