"""The settings of a server, section by section: what holds, and the menus, buttons and forms to change it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import discord

from bot.domain.ids import ChannelId, ModelId
from bot.domain.policies import AssistMode, GuildPolicy, Spoilers
from bot.domain.policy_sections import Section
from bot.i18n import N_, Texts
from bot.rendering import policies
from bot.rendering.choices import cut
from bot.rendering.replies import MAX_FIELD, embed

# Discord: a select menu has at most 25 options, and a message at most five rows (documentation of components).
MENU_LENGTH = 25
# Two rows for each of the two menus of models, and one for the buttons.
MENUS_PER_RULE = 2

TITLES: Mapping[Section, str] = {
    Section.LIMITS: N_("Limits of one video"),
    Section.CHANNELS: N_("Where videos can be asked for"),
    Section.ROLES: N_("Who can ask for videos"),
    Section.MODELS: N_("Which models can be used"),
    Section.LANGUAGE: N_("Language and time zone"),
    Section.VIDEOS: N_("How videos are made and shown"),
    Section.GIFTS: N_("Gifts between members"),
    Section.LOG: N_("Channels for the staff"),
    Section.PRIVACY: N_("What is kept"),
}
LANGUAGES: Mapping[str, str] = {"en-US": "English", "ru": "Русский", "zh-CN": "中文"}
# What stands for "as Discord says of the server" in the menu.
DISCORDS = "discord"

SPOILERS: Mapping[Spoilers, str] = {
    Spoilers.NEVER: N_("Videos are shown openly"),
    Spoilers.RESTRICTED: N_("Videos of age-restricted models are hidden behind a spoiler"),
    Spoilers.ALWAYS: N_("Every video is hidden behind a spoiler"),
}
ASSISTS: Mapping[AssistMode, str] = {
    AssistMode.OFF: N_("Prompts stay as they are written"),
    AssistMode.ASSIST: N_("The assistant rewrites prompts into shot descriptions"),
    AssistMode.MEME: N_("The assistant makes prompts short and punchy"),
    AssistMode.FREE: N_("Members choose whether the assistant helps"),
}


def overview(_: Texts, policy: GuildPolicy) -> discord.Embed:
    """All sections on one card."""
    card = embed(_("Settings of this server"))
    for section in Section:
        card.add_field(name=_(TITLES[section]), value=_value(_, policy, section), inline=False)
    return card


def section(_: Texts, policy: GuildPolicy, section: Section) -> discord.Embed:
    """One section, with what it means."""
    return embed(_(TITLES[section]), _value(_, policy, section))


def _value(_: Texts, policy: GuildPolicy, section: Section) -> str:
    lines = "\n".join(_lines(_, policy, section))
    return cut(lines or _("nothing set"), MAX_FIELD)


def _lines(_: Texts, policy: GuildPolicy, section: Section) -> Sequence[str]:
    match section:
        case Section.LIMITS:
            return policies.limits(_, policy)
        case Section.CHANNELS:
            return policies.channels(_, policy)
        case Section.ROLES:
            named = ", ".join(f"<@&{role}>" for role in sorted(policy.allowed_roles))
            return [_("Only {roles}", roles=named)] if named else []
        case Section.MODELS:
            return policies.models(_, policy)
        case Section.LANGUAGE:
            language = _("as Discord says") if policy.language is None else LANGUAGES[policy.language]
            return [language, _("Time zone: {zone}", zone=f"`{policy.time_zone}`")]
        case Section.VIDEOS:
            successor = (
                _("A waiting video can be moved to another model when its own is broken")
                if policy.may_offer_successor
                else _("Videos wait for the model that was asked for")
            )
            return [_(SPOILERS[policy.spoilers]), _(ASSISTS[policy.assist]), successor]
        case Section.GIFTS:
            return policies.gifts(_, policy)
        case Section.LOG:
            log, reports = _channel(_, policy.log_channel_id), _channel(_, policy.report_channel_id)
            return [_("Staff log: {channel}", channel=log), _("Reports of members: {channel}", channel=reports)]
        case Section.PRIVACY:
            prompts = (
                _("Prompts appear in the staff log")
                if policy.are_prompts_logged
                else _("Prompts stay out of the staff log")
            )
            return [
                prompts,
                _("Prompts are kept: {span}", span=_days(_, policy.keep_prompts_days)),
                _("Pictures and videos are kept: {span}", span=_days(_, policy.keep_media_days)),
            ]


def controls(_: Texts, policy: GuildPolicy, section: Section, models: Sequence[ModelId]) -> discord.ui.View:
    """What a section is changed with. It all works after a restart, so nothing has to listen."""
    view = discord.ui.View(timeout=None)
    for item in _items(_, policy, section, models):
        view.add_item(item)
    view.add_item(_button(_("Reset"), section, "reset", discord.ButtonStyle.danger))
    view.stop()
    return view


def _items(
    _: Texts, policy: GuildPolicy, section: Section, models: Sequence[ModelId]
) -> Iterable[discord.ui.Item[discord.ui.View]]:
    match section:
        case Section.LIMITS:
            yield _button(_("Change"), section, "form", discord.ButtonStyle.primary)
        case Section.CHANNELS:
            yield _channels(_("All channels"), section, "list", policy.channels, most=MENU_LENGTH)
            label = _("Allow all kinds") if policy.is_restricted_only else _("Age-restricted only")
            yield _button(label, section, "restricted")
        case Section.ROLES:
            yield discord.ui.RoleSelect(
                custom_id=menu_id(section, "list"),
                placeholder=_("Everybody"),
                min_values=0,
                max_values=MENU_LENGTH,
                default_values=[discord.Object(role) for role in sorted(policy.allowed_roles)[:MENU_LENGTH]],
            )
        case Section.MODELS:
            restricted = frozenset(model for model, rule in policy.models.items() if rule.is_restricted)
            for number, offered in enumerate(in_menus(models)):
                yield _models(_("All models"), f"allowed_{number}", offered, policy.allowed_models)
            for number, offered in enumerate(in_menus(models)):
                yield _models(_("None is age-restricted"), f"restricted_{number}", offered, restricted)
        case Section.LANGUAGE:
            chosen = policy.language or DISCORDS
            names = {DISCORDS: _("as Discord says"), **LANGUAGES}
            yield _menu(_("Language"), section, "language", names, chosen)
            yield _button(_("Time zone"), section, "form")
        case Section.VIDEOS:
            spoilers = {str(kind): _(text) for kind, text in SPOILERS.items()}
            yield _menu(_("Spoilers"), section, "spoilers", spoilers, policy.spoilers)
            assists = {str(mode): _(text) for mode, text in ASSISTS.items()}
            yield _menu(_("Assistant"), section, "assist", assists, policy.assist)
            label = _("Offer no other model") if policy.may_offer_successor else _("Offer another model")
            yield _button(label, section, "successor")
        case Section.GIFTS:
            label = _("Forbid gifts") if policy.gifts.are_allowed else _("Allow gifts")
            yield _button(label, section, "allowed", discord.ButtonStyle.primary)
            yield _button(_("Limits"), section, "form")
        case Section.LOG:
            log = frozenset() if policy.log_channel_id is None else frozenset({policy.log_channel_id})
            reports = frozenset() if policy.report_channel_id is None else frozenset({policy.report_channel_id})
            yield _channels(_("Staff log"), section, "log", log, most=1)
            yield _channels(_("Reports of members"), section, "reports", reports, most=1)
        case Section.PRIVACY:
            label = _("Prompts out of the log") if policy.are_prompts_logged else _("Prompts into the log")
            yield _button(label, section, "prompts")
            yield _button(_("Days"), section, "form")


def in_menus(models: Sequence[ModelId]) -> list[Sequence[ModelId]]:
    """The models as they are spread over menus; what is more than fits can be set by no menu."""
    spread = [models[start : start + MENU_LENGTH] for start in range(0, len(models), MENU_LENGTH)]
    return spread[:MENUS_PER_RULE]


def button_id(section: Section, what: str) -> str:
    return f"server:{section}:{what}"


def menu_id(section: Section, what: str) -> str:
    return f"choose:{section}:{what}"


def _button(
    label: str, section: Section, what: str, style: discord.ButtonStyle = discord.ButtonStyle.secondary
) -> discord.ui.Button[discord.ui.View]:
    return discord.ui.Button(label=label, custom_id=button_id(section, what), style=style)


def _menu(
    placeholder: str, section: Section, what: str, names: Mapping[str, str], chosen: str
) -> discord.ui.Select[discord.ui.View]:
    options = [
        discord.SelectOption(label=cut(text, 100), value=value, default=value == chosen)
        for value, text in names.items()
    ]
    return discord.ui.Select(custom_id=menu_id(section, what), placeholder=placeholder, options=options)


def _models(
    placeholder: str, what: str, offered: Sequence[ModelId], chosen: frozenset[ModelId]
) -> discord.ui.Select[discord.ui.View]:
    return discord.ui.Select(
        custom_id=menu_id(Section.MODELS, what),
        placeholder=placeholder,
        min_values=0,
        max_values=len(offered),
        options=[discord.SelectOption(label=model, value=model, default=model in chosen) for model in offered],
    )


def _channels(
    placeholder: str, section: Section, what: str, chosen: frozenset[ChannelId], *, most: int
) -> discord.ui.ChannelSelect[discord.ui.View]:
    return discord.ui.ChannelSelect(
        custom_id=menu_id(section, what),
        placeholder=placeholder,
        channel_types=[discord.ChannelType.text, discord.ChannelType.voice, discord.ChannelType.forum]
        if most > 1
        else [discord.ChannelType.text],
        min_values=0,
        max_values=most,
        default_values=[
            discord.SelectDefaultValue(id=channel, type=discord.SelectDefaultValueType.channel)
            for channel in sorted(chosen)[:most]
        ],
    )


def _channel(_: Texts, channel: ChannelId | None) -> str:
    return _("none") if channel is None else f"<#{channel}>"


def _days(_: Texts, days: int | None) -> str:
    if days is None:
        return _("as the host has set it")
    return _.plural("{count} day", "{count} days", days)
