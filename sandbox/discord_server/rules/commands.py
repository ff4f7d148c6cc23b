"""Limits of application commands (https://discord.com/developers/docs/interactions/application-commands)."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from sandbox.discord_server.forms import Form, Path
from sandbox.discord_server.rules.answers import check_choice
from sandbox.discord_server.wire import JSON

CHAT_INPUT, USER, MESSAGE = 1, 2, 3
MAX_COMMANDS = {CHAT_INPUT: 100, USER: 15, MESSAGE: 15}
SUB_COMMAND, SUB_COMMAND_GROUP = 1, 2
STRING, INTEGER, NUMBER = 3, 4, 10
OPTION_TYPES = range(1, 12)
WITH_CHOICES = (STRING, INTEGER, NUMBER)
MAX_OPTIONS, MAX_CHOICES = 25, 25
NAME, DESCRIPTION, TOTAL_TEXT, OPTION_TEXT = 32, 100, 8000, 6000
# \w without upper case is checked apart; Devanagari and Thai vowel signs are combining marks outside \w.
CHAT_INPUT_NAME = re.compile(r"^[-_'\w\u0900-\u097f\u0e00-\u0e7f]{1,32}$")

# https://discord.com/developers/docs/reference#locales, with the two the OpenAPI document adds.
LOCALES = frozenset(
    (
        *(
            "id",
            "da",
            "de",
            "en-GB",
            "en-US",
            "es-ES",
            "es-419",
            "fr",
            "hr",
            "it",
            "lt",
            "hu",
            "nl",
            "no",
            "pl",
            "pt-BR",
        ),
        *(
            "ro",
            "fi",
            "sv-SE",
            "vi",
            "tr",
            "cs",
            "el",
            "bg",
            "ru",
            "uk",
            "hi",
            "th",
            "zh-CN",
            "ja",
            "zh-TW",
            "ko",
            "ar",
            "he",
        ),
    )
)


def check_commands(commands: Any) -> list[JSON]:
    """Check the whole list of a bulk overwrite."""
    form = Form()
    listed = form.objects((), commands, high=sum(MAX_COMMANDS.values()))
    for n, command in enumerate(listed):
        _check_command(form, (n,), command)
    names = Counter((str(each.get("type") or CHAT_INPUT), str(each.get("name"))) for each in listed)
    for n, command in enumerate(listed):
        if names[str(command.get("type") or CHAT_INPUT), str(command.get("name"))] > 1:
            message = "Application command names must be unique"
            form.refuse((n,), "APPLICATION_COMMANDS_DUPLICATE_NAME", message)
    form.raise_if_refused()
    for kind, most in MAX_COMMANDS.items():
        if sum(1 for each in listed if (each.get("type") or CHAT_INPUT) == kind) > most:
            message = f"Maximum number of application commands of this type reached ({most})."
            form.refuse((), "APPLICATION_COMMANDS_MAX", message)
    form.raise_if_refused()
    return listed


def check_command(command: JSON) -> None:
    form = Form()
    _check_command(form, (), command)
    form.raise_if_refused()


def _check_command(form: Form, path: Path, command: JSON) -> None:
    kind = command.get("type") or CHAT_INPUT
    if not form.one_of((*path, "type"), kind, tuple(MAX_COMMANDS)):
        return
    if kind != CHAT_INPUT:
        form.text((*path, "name"), command.get("name"), low=1, high=NAME, required=True)
        for key in ("description", "options"):
            if command.get(key):
                message = "Context menu commands cannot have a description or options"
                form.refuse((*path, key), "APPLICATION_COMMAND_CONTEXT_MENU_DESCRIPTION_EXISTS", message)
        _check_localizations(form, path, command, "name", NAME)
    else:
        _check_named(form, path, command)
        _check_options(form, path, command.get("options"), depth=0)
        if not form.has_refused and _text_of(command) > TOTAL_TEXT:
            message = f"Command exceeds maximum size ({TOTAL_TEXT})"
            form.refuse(path, "APPLICATION_COMMAND_TOO_LARGE", message)
    permissions = command.get("default_member_permissions")
    if permissions is not None and not str(permissions).isdecimal():
        message = f"Could not interpret {permissions!r} as a permission set."
        form.refuse((*path, "default_member_permissions"), "BITFIELD_TYPE_CONVERT", message)
    for key, allowed in (("contexts", (0, 1, 2)), ("integration_types", (0, 1))):
        for n, value in enumerate(form.items((*path, key), command.get(key), high=len(allowed))):
            form.one_of((*path, key, n), value, allowed)


def _check_named(form: Form, path: Path, named: JSON) -> None:
    if form.text((*path, "name"), named.get("name"), low=1, high=NAME, required=True):
        _check_name(form, (*path, "name"), str(named["name"]))
    form.text((*path, "description"), named.get("description"), low=1, high=DESCRIPTION, required=True)
    _check_localizations(form, path, named, "name", NAME)
    _check_localizations(form, path, named, "description", DESCRIPTION)


def _check_name(form: Form, path: Path, name: str) -> None:
    if not CHAT_INPUT_NAME.match(name) or name != name.lower():
        form.refuse(path, "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")


def _check_localizations(form: Form, path: Path, named: JSON, key: str, high: int) -> None:
    key_at = f"{key}_localizations"
    for locale, text in form.object((*path, key_at), named.get(key_at)).items():
        at = (*path, key_at, locale)
        if locale not in LOCALES:
            form.refuse(at, "APPLICATION_COMMAND_INVALID_LOCALE", f"Unknown locale {locale}")
        if form.text(at, text, low=1, high=high, required=True) and key == "name" and "description" in named:
            _check_name(form, at, str(text))


def _check_options(form: Form, path: Path, options: Any, *, depth: int) -> None:
    listed = form.objects((*path, "options"), options, high=MAX_OPTIONS)
    optional_seen = False
    names: set[str] = set()
    for n, option in enumerate(listed):
        at = (*path, "options", n)
        _check_option(form, at, option, depth)
        if option.get("required") and optional_seen:
            message = "Required options must be placed before non-required options"
            form.refuse(at, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", message)
        optional_seen |= not option.get("required") and option.get("type") not in (SUB_COMMAND, SUB_COMMAND_GROUP)
        if str(option.get("name")) in names:
            form.refuse(at, "APPLICATION_COMMAND_OPTIONS_NAME_INVALID", "Option names must be unique")
        names.add(str(option.get("name")))
    nested = [each for each in listed if each.get("type") in (SUB_COMMAND, SUB_COMMAND_GROUP)]
    if nested and len(nested) < len(listed):
        message = "Sub-command and sub-command group option types are mutually exclusive to all other types"
        form.refuse((*path, "options"), "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", message)


def _check_option(form: Form, path: Path, option: JSON, depth: int) -> None:
    _check_named(form, path, option)
    kind = option.get("type") or 0
    if not form.one_of((*path, "type"), kind, OPTION_TYPES):
        return
    if (kind == SUB_COMMAND_GROUP and depth > 0) or (kind == SUB_COMMAND and depth > 1):
        message = "Invalid option type for this level of nesting"
        form.refuse((*path, "type"), "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", message)
        return
    if kind in (SUB_COMMAND, SUB_COMMAND_GROUP):
        _check_options(form, path, option.get("options"), depth=2 if kind == SUB_COMMAND else 1)
        return
    choices = form.objects((*path, "choices"), option.get("choices"), high=MAX_CHOICES)
    for n, choice in enumerate(choices):
        check_choice(form, (*path, "choices", n), choice, kind)
    if (choices or option.get("autocomplete")) and kind not in WITH_CHOICES:
        message = "This option type supports neither choices nor autocomplete"
        form.refuse(path, "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", message)
    if choices and option.get("autocomplete"):
        message = "Autocomplete options cannot have choices"
        form.refuse((*path, "choices"), "APPLICATION_COMMAND_AUTOCOMPLETE_WITH_CHOICES", message)
    form.number((*path, "min_length"), option.get("min_length"), low=0, high=OPTION_TEXT)
    form.number((*path, "max_length"), option.get("max_length"), low=1, high=OPTION_TEXT)


def _text_of(named: JSON) -> int:
    """What counts towards 8000: names, descriptions and choices, of translations only the longest."""
    total = 0
    for key in ("name", "description"):
        translated = (named.get(f"{key}_localizations") or {}).values()
        total += max((len(str(text)) for text in (named.get(key) or "", *translated)), default=0)
    for choice in named.get("choices") or []:
        total += len(str(choice.get("name", ""))) + len(str(choice.get("value", "")))
    return total + sum(_text_of(option) for option in named.get("options") or [])
