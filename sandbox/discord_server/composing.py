"""What Discord's own client checks and builds when a person composes a command: the impossible is an error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.discord_server import payloads
from sandbox.discord_server.rules.access import why_denied
from sandbox.discord_server.rules.components import Kind as SelectKind
from sandbox.discord_server.wire import JSON
from sandbox.discord_server.world import Attachment, Channel, Member, Role, User, World

SUB_COMMAND, SUB_COMMAND_GROUP = 1, 2
STRING, INTEGER, BOOLEAN, USER, CHANNEL, ROLE, MENTIONABLE, NUMBER, ATTACHMENT = range(3, 12)
# What a select menu that Discord fills itself lets a person choose, as the option of a command that does the same.
OF_SELECT = {
    SelectKind.USER_SELECT: USER,
    SelectKind.ROLE_SELECT: ROLE,
    SelectKind.MENTIONABLE_SELECT: MENTIONABLE,
    SelectKind.CHANNEL_SELECT: CHANNEL,
}
# The client's own limit where the command sets none.
MAX_STRING = 6000
IN_GUILD, IN_BOT_DM = 0, 1

File = Path | bytes | Attachment


class NotOfferedError(Exception):
    """Discord's client would not have let the person do this."""


@dataclass(slots=True)
class Composed:
    """The data of an interaction, and the option that was being typed."""

    data: JSON
    focused_type: int = STRING


@dataclass(slots=True)
class Composer:
    """Knows which commands exist where, and turns typed values into interaction data."""

    world: World
    user: User
    channel: Channel
    force: bool = False  # act as a changed client would: skip what only the client checks
    _resolved: JSON = field(default_factory=dict)

    def slash(self, text: str, options: dict[str, Any], *, focused: str | None = None) -> Composed:
        """The data for `/name`, `/group sub` or `/group sub-group sub` with *options*."""
        words = text.strip().removeprefix("/").split()
        command = self._command(1, words[0])
        node, path = command, []
        for word in words[1:]:
            inner = {each["name"]: each for each in node.get("options") or [] if each["type"] <= SUB_COMMAND_GROUP}
            if word not in inner:
                raise NotOfferedError(f"/{' '.join(words)}: there is no {word!r}; offered: {_listed(inner)}")
            node = inner[word]
            path.append(node)
        if any(each["type"] <= SUB_COMMAND_GROUP for each in node.get("options") or []):
            offered = _listed(each["name"] for each in node["options"])
            raise NotOfferedError(f"/{' '.join(words)} needs a sub-command; offered: {offered}")
        given = self._options(f"/{' '.join(words)}", node.get("options") or [], options, focused)
        for step in reversed(path):
            given = [{"type": step["type"], "name": step["name"], "options": given}]
        focused_type = next((each["type"] for each in node.get("options") or [] if each["name"] == focused), STRING)
        return Composed(self._data(command, given), focused_type)

    def menu(self, name: str, target_id: int, kind: int, resolved: JSON) -> Composed:
        """The data for a context menu on a user (kind 2) or a message (kind 3)."""
        command = self._command(kind, name)
        data = self._data(command, [])
        del data["options"]
        return Composed({**data, "target_id": str(target_id), "resolved": resolved})

    def _data(self, command: JSON, options: list[JSON]) -> JSON:
        data: JSON = {"id": command["id"], "name": command["name"], "type": command["type"], "options": options}
        if "guild_id" in command:
            data["guild_id"] = command["guild_id"]
        if self._resolved:
            data["resolved"] = self._resolved
        return data

    def _command(self, kind: int, name: str) -> JSON:
        guild = self.channel.guild
        scopes: list[int | None] = [None] if guild is None else [guild.id, None] if guild.has_bot else []
        known = {
            command["name"]: command
            for scope in reversed(scopes)
            for command in self.world.commands.get(scope, {}).values()
            if command["type"] == kind
        }
        if name not in known:
            raise NotOfferedError(f"no command {name!r} here; offered: {_listed(known)}")
        command = known[name]
        reason = None if self.force else self._why_hidden(command)
        if reason:
            raise NotOfferedError(f"{name!r} is not offered to {self.user.name}: {reason}")
        return command

    def _why_hidden(self, command: JSON) -> str | None:
        contexts = command.get("contexts")
        if self.channel.guild is None:
            if contexts is not None and IN_BOT_DM not in contexts:
                return "it is not for direct messages"
            return None if contexts is not None or command["dm_permission"] else "it is not for direct messages"
        if contexts is not None and IN_GUILD not in contexts:
            return "it is not for guilds"
        if command["nsfw"] and not self.channel.is_nsfw:
            return "it is only for age-restricted channels"
        return why_denied(self.world, command, self.channel.guild.members[self.user.id], self.channel)

    def _options(self, where: str, known: list[JSON], given: dict[str, Any], focused: str | None) -> list[JSON]:
        by_name = {option["name"]: option for option in known}
        given = {name: value for name, value in given.items() if value is not None}
        unknown = set(given) - set(by_name)
        if unknown:
            raise NotOfferedError(f"{where} has no option {_listed(unknown)}; offered: {_listed(by_name)}")
        missing = [each["name"] for each in known if each.get("required") and each["name"] not in given]
        if missing and not focused:
            raise NotOfferedError(f"{where} needs {_listed(missing)}")
        composed = []
        for name, value in given.items():
            option = by_name[name]
            if name == focused:
                typed = {"type": option["type"], "name": name, "value": str(value), "focused": True}
                composed.append(typed)
            else:
                wire_value = self._value(f"{where} {name}", option, value)
                composed.append({"type": option["type"], "name": name, "value": wire_value})
        return composed

    def _value(self, where: str, option: JSON, value: Any) -> Any:
        choices = option.get("choices") or []
        if choices:
            for choice in choices:
                if value in (choice["value"], choice["name"]):
                    return choice["value"]
            raise NotOfferedError(
                f"{where}: {value!r} is no choice; offered: {_listed(str(c['value']) for c in choices)}"
            )
        match option["type"]:
            case 3:
                return _text(where, option, value)
            case 4 | 10:
                return _number(where, option, value)
            case 5:
                if not isinstance(value, bool):
                    raise NotOfferedError(f"{where}: {value!r} is neither True nor False")
                return value
            case _:
                return self._resolve(where, option["type"], value)

    def _resolve(self, where: str, kind: int, value: Any) -> str:
        """Put an object into `resolved` and send its id."""
        if isinstance(value, Attachment) and kind == ATTACHMENT:
            return str(value.id)
        if isinstance(value, User | Member) and kind in (USER, MENTIONABLE):
            user = value.user if isinstance(value, Member) else value
            self._put("users", user.id, payloads.user(user))
            member = self.channel.guild.members.get(user.id) if self.channel.guild else None
            if member:
                shown = payloads.member_in(member, self.channel)
                self._put("members", user.id, {key: each for key, each in shown.items() if key != "user"})
            return str(user.id)
        if isinstance(value, Channel) and kind == CHANNEL:
            self._put("channels", value.id, payloads.channel_for(value, self.user))
            return str(value.id)
        if isinstance(value, Role) and kind in (ROLE, MENTIONABLE):
            self._put("roles", value.id, payloads.role(value))
            return str(value.id)
        raise NotOfferedError(f"{where}: {value!r} does not fit an option of type {kind}")

    def choice(self, select: JSON, values: Sequence[Any]) -> tuple[list[str], JSON]:
        """What choosing in a select menu sends: the values, and what those that are ids stand for."""
        where = f"the menu {select['custom_id']!r}"
        if not select["min_values"] <= len(values) <= select["max_values"]:
            raise NotOfferedError(
                f"{where} takes {select['min_values']} to {select['max_values']} choices, not {len(values)}"
            )
        if select["type"] == SelectKind.STRING_SELECT:
            by_name = {name: each["value"] for each in select["options"] for name in (each["label"], each["value"])}
            unknown = [value for value in values if value not in by_name]
            if unknown:
                raise NotOfferedError(f"{unknown} cannot be chosen in {where}; offered: {', '.join(by_name)}")
            return [by_name[value] for value in values], {}
        kinds = select.get("channel_types") or []
        for value in values:
            if isinstance(value, Channel) and kinds and value.kind not in kinds:
                raise NotOfferedError(f"{where} does not offer channels like #{value.name}")
        chosen = [self._resolve(where, OF_SELECT[SelectKind(select["type"])], value) for value in values]
        resolved, self._resolved = self._resolved, {}
        return chosen, resolved

    def resolved_member(self, member: Member) -> JSON:
        """What a context menu on a member tells about them."""
        self._resolve("the menu", USER, member)
        resolved, self._resolved = self._resolved, {}
        return resolved

    def attach(self, attachment: Attachment, payload: JSON) -> None:
        """Tell about an uploaded file."""
        self._put("attachments", attachment.id, payload)

    def _put(self, kind: str, object_id: int, payload: JSON) -> None:
        self._resolved.setdefault(kind, {})[str(object_id)] = payload


def _text(where: str, option: JSON, value: Any) -> str:
    if not isinstance(value, str):
        raise NotOfferedError(f"{where}: {value!r} is not a text")
    low, high = option.get("min_length") or 0, option.get("max_length") or MAX_STRING
    # Discord's client trims what was typed before it measures it.
    trimmed = value.strip()
    if not trimmed and option.get("required"):
        raise NotOfferedError(f"{where}: an empty text cannot be sent")
    if not low <= len(trimmed) <= high:
        raise NotOfferedError(f"{where}: {len(trimmed)} characters, allowed are {low} to {high}")
    return trimmed


def _number(where: str, option: JSON, value: Any) -> int | float:
    wanted = int if option["type"] == INTEGER else int | float
    if isinstance(value, bool) or not isinstance(value, wanted):
        raise NotOfferedError(f"{where}: {value!r} is not a number of the right kind")
    low, high = option.get("min_value"), option.get("max_value")
    if (low is not None and value < low) or (high is not None and value > high):
        raise NotOfferedError(f"{where}: {value} is not between {low} and {high}")
    return value


def _listed(names: Any) -> str:
    return ", ".join(sorted(str(each) for each in names)) or "nothing"
