"""A guild's policy as cards for its staff, and what is asked before bonus credits are given."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import discord

from bot.domain.grants import COLLECT_WITHIN, Given, Grant, Revoked
from bot.domain.ids import GrantId, UserId
from bot.domain.periods import Period
from bot.domain.policies import GuildPolicy, MemberRule, Overview, RoleRule
from bot.i18n import N_, Texts
from bot.rendering import words
from bot.rendering.buttons import lasting
from bot.rendering.replies import MAX_FIELD, embed

PER = {Period.DAY: N_("per day"), Period.WEEK: N_("per week"), Period.MONTH: N_("per month")}

# Discord: a field's value has at most 1024 characters; so many rules fit into it in any language.
SHOWN_RULES = 12


def card(_: Texts, overview: Overview, now: datetime) -> discord.Embed:
    """Everything that a guild's staff has decided about spending, and where its credits are."""
    policy = overview.policy
    shown = embed(_("This server's credits"))
    shown.add_field(name=_("Allowance"), value=_allowance(_, policy))
    shown.add_field(name=_("Pool"), value=_pool(_, overview, now))
    shown.add_field(name=_("Time zone"), value=f"`{policy.time_zone}`")
    _add(shown, _("Roles"), (_role(_, role, rule) for role, rule in sorted(policy.roles.items())))
    _add(shown, _("Members"), (_member(_, member, rule) for member, rule in overview.members.items()))
    _add(shown, _("Limits"), limits(_, policy))
    _add(shown, _("Models"), models(_, policy))
    _add(shown, _("Channels"), channels(_, policy))
    _add(shown, _("Gifts between members"), gifts(_, policy))
    shown.add_field(name=_("Held for videos on their way"), value=words.credits_of(_, overview.held))
    shown.add_field(name=_("Spent so far"), value=words.credits_of(_, overview.spent))
    if overview.open_grants:
        shown.add_field(name=_("Grants that can still be collected"), value=str(overview.open_grants))
    if policy.is_closed:
        shown.description = _("**Switched off at the moment.**")
    return shown


def limits(_: Texts, policy: GuildPolicy) -> list[str]:
    """What limits a single request, as lines."""
    lines = []
    if policy.highest_price is not None:
        lines.append(_("One video costs at most {credits}", credits=words.credits_of(_, policy.highest_price)))
    if policy.member_jobs is not None:
        lines.append(_("Videos on their way per member: {count}", count=policy.member_jobs))
    if policy.guild_jobs is not None:
        lines.append(_("Videos on their way in the server: {count}", count=policy.guild_jobs))
    if policy.cooldown:
        lines.append(_("Time between two videos of a member: {seconds} s", seconds=_seconds(policy.cooldown)))
    if policy.confirm_above is not None:
        lines.append(_("Asked first when it costs more than {credits}", credits=policy.confirm_above))
    return lines


def models(_: Texts, policy: GuildPolicy) -> list[str]:
    allowed = ", ".join(f"`{model}`" for model in sorted(policy.allowed_models))
    restricted = ", ".join(
        f"`{model}`" for model in sorted(model for model, rule in policy.models.items() if rule.is_restricted)
    )
    lines = [_("Only {models}", models=allowed)] if allowed else []
    if restricted:
        lines.append(_("In age-restricted channels only: {models}", models=restricted))
    return lines


def channels(_: Texts, policy: GuildPolicy) -> list[str]:
    named = ", ".join(f"<#{channel}>" for channel in sorted(policy.channels)[:SHOWN_RULES])
    lines = [_("Only {channels}", channels=named)] if named else []
    if len(policy.channels) > SHOWN_RULES:
        lines.append(_("and {count} more", count=len(policy.channels) - SHOWN_RULES))
    if policy.is_restricted_only:
        lines.append(_("Age-restricted channels only"))
    return lines


def gifts(_: Texts, policy: GuildPolicy) -> list[str]:
    if not policy.gifts.are_allowed:
        return []
    lines = [_("Allowed")]
    if policy.gifts.most_at_once is not None:
        lines.append(_("At most {credits} at once", credits=words.credits_of(_, policy.gifts.most_at_once)))
    if policy.gifts.most_per_period is not None:
        credits, per = words.credits_of(_, policy.gifts.most_per_period), _(PER[policy.period])
        lines.append(_("At most {credits} {per}", credits=credits, per=per))
    return lines


def question(_: Texts, grant: Grant) -> str:
    """What will happen when staff confirms it."""
    credits, days = words.credits_of(_, grant.credits), COLLECT_WITHIN.days
    if grant.target.user_id is not None:
        return _("Give {credits} to <@{member}>?", credits=credits, member=grant.target.user_id)
    if grant.target.role_id is not None:
        return _(
            "Give {credits} to each member with <@&{role}>? They get them when they next use the bot, once each, "
            "within {days} days. I do not read this server's list of members, so I cannot say how many that will be.",
            credits=credits,
            role=grant.target.role_id,
            days=days,
        )
    return _(
        "Give {credits} to each member of this server? They get them when they next use the bot, once each, within "
        "{days} days; who joins later gets none. I do not read this server's list of members, so I cannot say how many "
        "that will be.",
        credits=credits,
        days=days,
    )


def given(_: Texts, given: Given) -> str:
    """Without a ping: the answer is private."""
    grant = given.grant
    if grant.target.user_id is not None:
        return _.plural(
            "<@{member}> got {count} credit and has {bonus} bonus credits now.",
            "<@{member}> got {count} credits and has {bonus} bonus credits now.",
            grant.credits,
            member=grant.target.user_id,
            bonus=given.bonus,
        )
    ends = "" if grant.ends_at is None else words.moment(grant.ends_at, "D")
    credits = words.credits_of(_, grant.credits)
    if grant.target.role_id is not None:
        role = grant.target.role_id
        return _("Members with <@&{role}> can collect {credits} until {ends}.", role=role, credits=credits, ends=ends)
    return _("Every member can collect {credits} until {ends}.", credits=credits, ends=ends)


def revoked(_: Texts, member: UserId, revoked: Revoked) -> str:
    return _.plural(
        "{count} credit was taken back from <@{member}>, who has {bonus} bonus credits now.",
        "{count} credits were taken back from <@{member}>, who has {bonus} bonus credits now.",
        revoked.credits,
        member=member,
        bonus=revoked.bonus,
    )


def give_id(grant_id: GrantId) -> str:
    return f"grant:{grant_id}:give"


def drop_id(grant_id: GrantId) -> str:
    return f"grant:{grant_id}:drop"


def question_buttons(_: Texts, grant_id: GrantId) -> discord.ui.View:
    return lasting(
        discord.ui.Button(label=_("Give"), custom_id=give_id(grant_id), style=discord.ButtonStyle.primary),
        discord.ui.Button(label=_("Cancel"), custom_id=drop_id(grant_id)),
    )


def _allowance(_: Texts, policy: GuildPolicy) -> str:
    return _("{credits} per member, {per}", credits=words.credits_of(_, policy.allowance), per=_(PER[policy.period]))


def _pool(_: Texts, overview: Overview, now: datetime) -> str:
    pool, renews_at = overview.policy.pool, overview.policy.pool_renews_at(now)
    if overview.pool is None or pool is None:
        return _("unlimited")
    left = words.credits_of(_, overview.pool)
    if pool.refill is None or renews_at is None:
        return left
    return _("{left}; filled to {credits} {renews}", left=left, credits=pool.refill, renews=words.moment(renews_at))


def _role(_: Texts, role: int, rule: RoleRule) -> str:
    parts = []
    if rule.is_exempt:
        parts.append(_("exempt"))
    if rule.allowance is not None:
        parts.append(words.credits_of(_, rule.allowance))
    if rule.is_allowed:
        parts.append(_("may use the bot"))
    return f"<@&{role}>: " + ", ".join(parts)


def _member(_: Texts, member: UserId, rule: MemberRule) -> str:
    return f"<@{member}>: {words.limit_of(_, rule.allowance)}"


def _add(shown: discord.Embed, name: str, lines: Iterable[str]) -> None:
    """A field with as many lines as fit; none when there is nothing to say."""
    listed = list(lines)
    kept = listed[:SHOWN_RULES]
    while kept and len("\n".join(kept)) > MAX_FIELD - 10:
        kept.pop()
    if kept:
        rest = len(listed) - len(kept)
        shown.add_field(name=name, value="\n".join([*kept, *([f"+{rest}"] if rest else [])]), inline=False)


def _seconds(span: timedelta) -> int:
    return round(span.total_seconds())
