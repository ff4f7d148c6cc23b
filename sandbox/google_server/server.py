"""The local Gemini API on one origin, with the host that its downloads may lead on to on another."""

from __future__ import annotations

from typing import Unpack

from aiohttp import web

from sandbox.google_server.errors import error, interaction_error
from sandbox.google_server.files import Files
from sandbox.google_server.interactions import Interactions
from sandbox.google_server.veo import Veo
from sandbox.vendors.faults import Call
from sandbox.vendors.house import RefusedError, Usual, VendorServer


class GoogleServer(VendorServer):
    usual_key = "google-sandbox-key"

    def __init__(self, *, file_origin: str = "", **usual: Unpack[Usual]) -> None:
        """*file_origin* replaces our own address in the addresses of files: Google's client only takes https."""
        super().__init__(**usual)
        self.files = Files(self, file_origin)
        self.veo = Veo(self, self.files)
        self.omni = Interactions(self, self.files)

    def routes(self) -> list[web.RouteDef]:
        known = [
            web.get("/{version:v1(?:beta)?}/models", self.guard(Call.ACCOUNT, self._models)),
            web.get("/{version:v1(?:beta)?}/models/{model:[^/:]+}", self.guard(Call.ACCOUNT, self._model)),
        ]
        return [*self.veo.routes(), *self.omni.routes(), *self.files.routes(), *known]

    def is_authorised(self, request: web.Request) -> bool:
        return request.headers.get("x-goog-api-key") == self.key

    @property
    def unauthorised(self) -> RefusedError:
        # Seen by everybody who has mistyped a key; it is 400 and not 401.
        return RefusedError(400, "API key not valid. Please pass a valid API key.")

    def refusal(self, path: str, status: int, text: str) -> web.Response:
        return (interaction_error if "/interactions" in path else error)(status, text)

    async def _model(self, request: web.Request) -> web.Response:
        name = request.match_info["model"]
        if name not in self.veo.sold and name not in self.omni.sold:
            raise RefusedError(404, f"models/{name} is not found for API version v1beta.")
        return web.json_response(self._shown(name))

    async def _models(self, request: web.Request) -> web.Response:
        names = [*self.veo.sold, *self.omni.sold]
        return web.json_response(
            {"models": [self._shown(name) for name in names[: int(request.query.get("pageSize", "50"))]]}
        )

    def _shown(self, name: str) -> dict[str, object]:
        # Omni is said to have methods that it then refuses (verified live by others).
        methods = ["predictLongRunning"] if name in self.veo.sold else ["generateContent", "countTokens"]
        return {"name": f"models/{name}", "supportedGenerationMethods": methods}
