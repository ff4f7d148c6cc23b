"""Registering application commands, global and per guild."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from sandbox.discord_server import errors, payloads, wire
from sandbox.discord_server.edge import BODY
from sandbox.discord_server.rules.commands import (
    CHAT_INPUT,
    SUB_COMMAND,
    SUB_COMMAND_GROUP,
    check_command,
    check_commands,
)
from sandbox.discord_server.rules.messages import checked_object
from sandbox.discord_server.services import Services
from sandbox.discord_server.wire import JSON

BASES = ("/applications/{application_id:\\d+}", "/applications/{application_id:\\d+}/guilds/{guild_id:\\d+}")


class CommandRoutes:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._world = services.world

    def routes(self) -> list[web.RouteDef]:
        routes: list[web.RouteDef] = []
        for base in BASES:
            one = f"{base}/commands/{{command_id:\\d+}}"
            routes += [
                web.get(f"{base}/commands", self.list),
                web.put(f"{base}/commands", self.overwrite),
                web.post(f"{base}/commands", self.create),
                web.get(one, self.get),
                web.patch(one, self.edit),
                web.delete(one, self.delete),
            ]
        # Only in guilds, and only to read: who may use what is for people to decide.
        of_all, of_one = f"{BASES[1]}/commands/permissions", f"{BASES[1]}/commands/{{command_id:\\d+}}/permissions"
        routes += [
            web.get(of_all, self.list_permissions),
            web.get(of_one, self.get_permissions),
            web.put(of_one, self.set_permissions),
        ]
        return routes

    async def list_permissions(self, request: web.Request) -> web.Response:
        guild_id = self._guild_id(request)
        assigned = self._world.command_permissions.get(guild_id, {})
        return wire.answer([payloads.command_permissions(self._world, guild_id, target) for target in assigned])

    async def get_permissions(self, request: web.Request) -> web.Response:
        guild_id, target = self._guild_id(request), int(request.match_info["command_id"])
        if target not in self._world.command_permissions.get(guild_id, {}):
            raise errors.unknown_command_permissions()
        return wire.answer(payloads.command_permissions(self._world, guild_id, target))

    async def set_permissions(self, request: web.Request) -> web.Response:
        self._guild_id(request)
        raise errors.not_for_bots()

    def _guild_id(self, request: web.Request) -> int:
        guild_id = self._scope(request)
        if guild_id is None:
            raise errors.missing_access()
        return guild_id

    async def list(self, request: web.Request) -> web.Response:
        with_translations = request.query.get("with_localizations", "false").lower() in ("true", "1")
        commands = self._commands(request).values()
        return wire.answer([command if with_translations else _untranslated(command) for command in commands])

    async def overwrite(self, request: web.Request) -> web.Response:
        scope = self._scope(request)
        existing = self._commands(request)
        asked = check_commands(request[BODY].json)
        by_name = {(each["type"], each["name"]): each["id"] for each in existing.values()}
        kept: dict[int, JSON] = {}
        for body in asked:
            known = by_name.get((body.get("type") or CHAT_INPUT, body["name"]))
            command = self._completed(body, int(known) if known else self._services.snowflakes(), scope)
            kept[int(command["id"])] = command
        self._world.commands[scope] = kept
        self._tell(scope)
        return wire.answer([*kept.values()])

    async def create(self, request: web.Request) -> web.Response:
        scope, commands = self._scope(request), self._commands(request)
        body = checked_object(request[BODY].json)
        check_command(body)
        kind = body.get("type") or CHAT_INPUT
        same = next((each for each in commands.values() if (each["type"], each["name"]) == (kind, body["name"])), None)
        command = self._completed(body, int(same["id"]) if same else self._services.snowflakes(), scope)
        commands[int(command["id"])] = command
        self._tell(scope)
        return wire.answer(command, 200 if same else 201)

    async def get(self, request: web.Request) -> web.Response:
        return wire.answer(self._command(request))

    async def edit(self, request: web.Request) -> web.Response:
        scope, command = self._scope(request), self._command(request)
        merged = {**command, **checked_object(request[BODY].json), "type": command["type"]}
        check_command(merged)
        edited = self._completed(merged, int(command["id"]), scope)
        self._commands(request)[int(command["id"])] = edited
        self._tell(scope)
        return wire.answer(edited)

    async def delete(self, request: web.Request) -> web.Response:
        del self._commands(request)[int(self._command(request)["id"])]
        self._tell(self._scope(request))
        return wire.no_content()

    def _scope(self, request: web.Request) -> int | None:
        if int(request.match_info["application_id"]) != self._world.application.id:
            raise errors.missing_access()
        if "guild_id" not in request.match_info:
            return None
        guild = self._world.guilds.get(int(request.match_info["guild_id"]))
        if guild is None or not guild.has_bot:
            raise errors.missing_access()
        return guild.id

    def _commands(self, request: web.Request) -> dict[int, JSON]:
        return self._world.commands.setdefault(self._scope(request), {})

    def _command(self, request: web.Request) -> JSON:
        command = self._commands(request).get(int(request.match_info["command_id"]))
        if command is None:
            raise errors.unknown_command()
        return command

    def _tell(self, scope: int | None) -> None:
        self._services.changes.publish("COMMANDS", scope, "commands")

    def _completed(self, body: JSON, command_id: int, scope: int | None) -> JSON:
        """The command as Discord gives it back: everything left out is filled in, context menus have no description."""
        permissions = body.get("default_member_permissions")
        command: JSON = {
            "id": str(command_id),
            "application_id": str(self._world.application.id),
            "version": str(self._services.snowflakes()),
            "type": body.get("type") or CHAT_INPUT,
            "name": body["name"],
            "name_localizations": body.get("name_localizations") or None,
            "description": body.get("description") or "",
            "description_localizations": body.get("description_localizations") or None,
            "default_member_permissions": None if permissions is None else str(permissions),
            "dm_permission": body.get("dm_permission") is not False,
            "nsfw": bool(body.get("nsfw")),
            "integration_types": body.get("integration_types") or [0],
        }
        if scope is None:
            command["contexts"] = body.get("contexts")
        else:
            command["guild_id"] = str(scope)
        if command["type"] == CHAT_INPUT:
            command["options"] = [_option(each) for each in body.get("options") or []]
        return command


def _option(option: JSON) -> JSON:
    shown = {key: value for key, value in option.items() if value is not None}
    if option["type"] in (SUB_COMMAND, SUB_COMMAND_GROUP):
        shown["options"] = [_option(each) for each in option.get("options") or []]
    return shown


def _untranslated(value: Any) -> Any:
    """Without the dictionaries of translations, as the list leaves them out unless asked."""
    if isinstance(value, list):
        return [_untranslated(each) for each in value]
    if isinstance(value, dict):
        return {key: _untranslated(each) for key, each in value.items() if not key.endswith("_localizations")}
    return value
