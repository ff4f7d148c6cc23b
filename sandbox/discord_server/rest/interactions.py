"""Answering interactions: the callback, the original answer and follow-ups, by the token in the path."""

from __future__ import annotations

from aiohttp import web

from sandbox.discord_server import wire
from sandbox.discord_server.edge import BODY
from sandbox.discord_server.exchanges import Interaction
from sandbox.discord_server.services import Services

WEBHOOK = "/webhooks/{application_id:\\d+}/{token}"
TRUE = {"true", "1"}


class InteractionRoutes:
    def __init__(self, services: Services) -> None:
        self._interactions = services.interactions
        self._renderer = services.messages.renderer

    def routes(self) -> list[web.RouteDef]:
        one = WEBHOOK + "/messages/{message}"
        return [
            web.post("/interactions/{interaction_id:\\d+}/{token}/callback", self.callback),
            web.post(WEBHOOK, self.follow_up),
            web.get(one, self.get),
            web.patch(one, self.edit),
            web.delete(one, self.delete),
        ]

    async def callback(self, request: web.Request) -> web.Response:
        interaction = self._interactions.respond(
            int(request.match_info["interaction_id"]), request.match_info["token"], request[BODY]
        )
        if request.query.get("with_response", "").lower() in TRUE:
            return wire.answer(self._interactions.callback_response(interaction))
        return wire.no_content()

    async def follow_up(self, request: web.Request) -> web.Response:
        message = self._interactions.follow_up(self._found(request), request[BODY])
        # An interaction's webhook always answers with the message, as if `wait` were set.
        return wire.answer(self._renderer.message(message))

    async def get(self, request: web.Request) -> web.Response:
        message = self._interactions.message(self._found(request), request.match_info["message"])
        return wire.answer(self._renderer.message(message))

    async def edit(self, request: web.Request) -> web.Response:
        message = self._interactions.edit(self._found(request), request.match_info["message"], request[BODY])
        return wire.answer(self._renderer.message(message))

    async def delete(self, request: web.Request) -> web.Response:
        self._interactions.delete(self._found(request), request.match_info["message"])
        return wire.no_content()

    def _found(self, request: web.Request) -> Interaction:
        return self._interactions.find(int(request.match_info["application_id"]), request.match_info["token"])
