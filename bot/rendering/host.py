"""What the host is shown, as plain lines: in Discord inside of an embed, on the command line as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal

from bot.domain.hosting import Finding, GuildTerms, HostStatus, HostTerms, Space, Spent, Usage, money
from bot.domain.ids import GuildId
from bot.domain.jobs import ACTIVE, JobState
from bot.domain.models import Catalogue, ModelState, VideoModel
from bot.i18n import N_, Texts
from bot.rendering.words import STATES

# How a moment is shown: in Discord it counts by itself, on the command line it stands there.
Moment = Callable[[datetime], str]
# What a server is called, where that is known.
Name = Callable[[GuildId], str]

MODEL_STATES = {
    ModelState.LIVE: N_("on offer"),
    ModelState.PAUSED: N_("switched off"),
    ModelState.RETIRED: N_("retired by its maker"),
}
PERIODS = {"day": N_("Today"), "month": N_("This month")}


def status(_: Texts, found: HostStatus, when: Moment) -> list[str]:
    """Everything at a glance."""
    lines = []
    if found.process is not None:
        started = when(found.process.started_at)
        lines.append(_("Cutscene {version}, started {started}", version=found.process.version, started=started))
    lines += [*intake(_, found.terms), on_the_way(_, found), *budget(_, found.budget)]
    for provider, reading in found.readings.items():
        left, asked = round(reading.credits, 2), when(reading.read_at)
        lines.append(
            _("{provider}: {credits} credits left, asked {asked}", provider=provider, credits=left, asked=asked)
        )
    if found.storage is not None:
        lines.append(storage(_, found.storage))
    lines.append(_("Standing still: {stuck} · never answered: {orphans}", stuck=found.stuck, orphans=found.orphans))
    lines += [_("Wrong since {began}: {text}", began=when(each.began_at), text=each.text) for each in found.troubles]
    return lines


def storage(_: Texts, space: Space) -> str:
    """How full the disk is."""
    free = space.free // 2**20
    if space.database is None:
        return _("Disk: {free} MiB free", free=free)
    return _("Disk: {free} MiB free, the database takes {size} MiB", free=free, size=-(-space.database // 2**20))


def intake(_: Texts, terms: HostTerms) -> list[str]:
    """Whether new videos are accepted, and for whom."""
    if terms.pause_message is None:
        lines = [_("New videos are accepted.")]
    elif terms.pause_message:
        lines = [_("New videos are refused. Members read: {message}", message=terms.pause_message)]
    else:
        lines = [_("New videos are refused.")]
    if terms.is_invitation_only:
        lines.append(_("Only servers that you have allowed are served."))
    return lines


def on_the_way(_: Texts, found: HostStatus) -> str:
    moving = [(state, found.jobs.get(state, 0)) for state in JobState if state in ACTIVE]
    counted = " · ".join(f"{count} {_(STATES[state])}" for state, count in moving if count)
    return _("On their way: {jobs}", jobs=counted) if counted else _("No video is on its way.")


def budget(_: Texts, spent: Sequence[Spent]) -> list[str]:
    """What each period has cost, and of how much."""
    return [_budget_line(_, each) for each in spent]


def _budget_line(_: Texts, each: Spent) -> str:
    period = _(PERIODS[each.period.partition(" ")[0]])
    if each.limit is None:
        line = _("{period}: {spent}, without a limit", period=period, spent=money(each.spent))
    else:
        line = _(
            "{period}: {spent} of {limit} ({share} %)",
            period=period,
            spent=money(each.spent),
            limit=money(each.limit),
            share=round(each.share * 100),
        )
    if not each.unanswered:
        return line
    return f"{line} · " + _("{amount} of it for create calls never answered", amount=money(each.unanswered))


def guilds(_: Texts, terms: HostTerms, name: Name) -> list[str]:
    """Which servers are served, and those about which something was decided."""
    rule = (
        _("Only servers that you have allowed are served.")
        if terms.is_invitation_only
        else _("Every server is served that you have not denied.")
    )
    return [rule, *(_guild_line(_, each, name) for each in terms.guilds.values())]


def _guild_line(_: Texts, terms: GuildTerms, name: Name) -> str:
    decided = {True: _("allowed"), False: _("denied"), None: ""}[terms.is_allowed]
    daily = "" if terms.daily_usd is None else _("at most {amount} per day", amount=money(terms.daily_usd))
    monthly = "" if terms.monthly_usd is None else _("at most {amount} per month", amount=money(terms.monthly_usd))
    parts = [part for part in (decided, daily, monthly) if part]
    what = " · ".join(parts) if parts else _("nothing decided")
    return f"{name(terms.guild_id)}: {what}"


def usage(_: Texts, found: Sequence[Usage], in_usd: Callable[[int], Decimal], name: Name) -> list[str]:
    """What each server has had made, the most expensive server first, and with which models."""
    if not found:
        return [_("Nothing was made in this time.")]
    by_guild: dict[GuildId, list[Usage]] = {}
    for each in found:
        by_guild.setdefault(each.guild_id, []).append(each)
    lines = []
    for guild_id, models in sorted(by_guild.items(), key=lambda item: -sum(each.credits for each in item[1])):
        lines.append(_usage_line(_, name(guild_id), models, in_usd))
        lines += ["  " + _usage_line(_, each.model, [each], in_usd) for each in models]
    return lines


def _usage_line(_: Texts, what: str, found: Iterable[Usage], in_usd: Callable[[int], Decimal]) -> str:
    each = list(found)
    cost = money(in_usd(sum(one.credits for one in each)))
    jobs = sum(one.jobs for one in each)
    return f"{what}: {cost} · " + _.plural("{count} video", "{count} videos", jobs)


def models(_: Texts, catalogue: Catalogue, terms: HostTerms, is_offered: Callable[[VideoModel], bool]) -> list[str]:
    """Every model as it is offered now, and whether that is the host's own decision."""
    lines = []
    for model in catalogue.models.values():
        state = ModelState.RETIRED if model.state is ModelState.RETIRED else ModelState.PAUSED
        shown = _(MODEL_STATES[ModelState.LIVE if is_offered(model) else state])
        decided = " · " + _("decided by you") if model.id in terms.models else ""
        lines.append(f"{model.id}: {shown}{decided}")
    return lines


def stuck(_: Texts, found: Finding, when: Moment, name: Name) -> list[str]:
    """Jobs that stand still."""
    return _jobs(_, found, when, name) if found.total else [_("No video stands still.")]


def orphans(_: Texts, found: Finding, when: Moment, name: Name, in_usd: Callable[[int], Decimal]) -> list[str]:
    """Create calls that were never answered: to be looked up at the provider."""
    if not found.total:
        return [_("Every create call was answered.")]
    note = _("The provider never answered these create calls. They were refunded; your log there tells what they cost.")
    lines = [note]
    if any(each.orphan_cost for each in found.jobs):
        lines.append(_("Those with an amount count towards your budgets, until it is known what came of them."))
    return [*lines, *_jobs(_, found, when, name, in_usd)]


def ledger(_: Texts, wrong: Sequence[str]) -> list[str]:
    """What does not agree in the ledger; the details are for whoever mends it and stay English."""
    return [_("These do not agree:"), *wrong] if wrong else [_("Every balance agrees with its entries.")]


def _jobs(
    _: Texts, found: Finding, when: Moment, name: Name, in_usd: Callable[[int], Decimal] | None = None
) -> list[str]:
    lines = [
        _("Job {job}", job=each.job_id)
        + f" · {_(STATES[each.state])} · {each.model} · {each.provider} · {name(each.guild_id)} · {when(each.since)}"
        + (f" · {money(in_usd(each.orphan_cost))}" if in_usd is not None and each.orphan_cost else "")
        for each in found.jobs
    ]
    hidden = found.total - len(found.jobs)
    return [*lines, _("… and {count} more", count=hidden)] if hidden else lines
