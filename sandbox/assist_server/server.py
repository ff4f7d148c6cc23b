"""Chat completions of a model that always says something fitting, or what a test has planned.

`/v1/chat/completions` is OpenAI's; `/{model}/v1/chat/completions` is Kie's: the model stands in the address, the answer
is JSON under text/plain, it says what it cost in credits, and a wrong key is answered with HTTP 200.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass

from aiohttp import web

from sandbox.vendors.faults import Call
from sandbox.vendors.house import RefusedError, VendorServer

_KIE_UNAUTHORISED = (
    "Unauthorized - Authentication failed. "
    "Please check that your Authorization and Content-Type headers are correctly set."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the model says to the next question; `text` None is an answer without content."""

    text: str | None = None
    finish_reason: str = "stop"
    refusal: str | None = None
    has_choices: bool = True
    is_in_parts: bool = False


class AssistServer(VendorServer):
    """`url` + "/v1" is the base URL for OpenAI's own client, `url` + "/gpt-5-2/v1" that of Kie's models."""

    usual_key = "assist-sandbox-key"

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[dict[str, object]] = []  # the bodies of all questions, oldest first
        self.wants_new_limit = False  # whether the model refuses `max_tokens`, as OpenAI's newer ones do
        self._replies: deque[Reply] = deque()

    def reply(self, *replies: Reply) -> None:
        """Each of *replies* answers one coming question."""
        self._replies.extend(replies)

    def routes(self) -> list[web.RouteDef]:
        asked = self.guard(Call.CREATE, self._complete)
        return [
            web.post("/v1/chat/completions", asked),
            web.post("/{model}/v1/chat/completions", asked),
            web.get("/v1/models", self.guard(Call.ACCOUNT, self._models)),
        ]

    def refusal(self, path: str, status: int, text: str) -> web.Response:
        if not path.startswith("/v1/"):
            told = _KIE_UNAUTHORISED if status == 401 else text
            return web.json_response({"code": status, "msg": told, "data": None}, status=200, content_type="text/plain")
        kind = {401: "invalid_request_error", 429: "rate_limit_error"}.get(status, "server_error")
        code = {401: "invalid_api_key"}.get(status)
        error = {"message": text, "type": kind, "param": None, "code": code}
        return web.json_response({"error": error}, status=status)

    async def _models(self, _request: web.Request) -> web.Response:
        models = [{"id": "local-small", "object": "model", "created": 1_700_000_000, "owned_by": "sandbox"}]
        return web.json_response({"object": "list", "data": models})

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        body = _question(await request.text())
        is_kie = "model" in request.match_info
        model = body.get("model") or request.match_info.get("model")
        if not model:
            raise RefusedError(400, "you must provide a model parameter")
        if body.get("stream", is_kie):
            # Kie's Gemini models stream unless they are told not to.
            raise RefusedError(400, "this local endpoint does not stream")
        if self.wants_new_limit and "max_tokens" in body:
            raise RefusedError(
                400, "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead."
            )
        self.asked.append(body)
        answer = self._completion(str(model), body)
        if is_kie:
            answer["credits_consumed"] = 0.01
        return web.json_response(answer, content_type="text/plain" if is_kie else "application/json")

    def _completion(self, model: str, body: dict[str, object]) -> dict[str, object]:
        reply = self._replies.popleft() if self._replies else Reply(text=_rewritten(body))
        content: object = [{"type": "text", "text": reply.text}] if reply.is_in_parts else reply.text
        message = {"role": "assistant", "content": content, "refusal": reply.refusal}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reply.finish_reason}
        prompt_tokens, completion_tokens = len(json.dumps(body)) // 4, len(reply.text or "") // 4 + 1
        return {
            "id": f"chatcmpl-{len(self.asked)}",
            "object": "chat.completion",
            "created": int(self.clock()),
            "model": model,
            "choices": [choice] if reply.has_choices else [],
            "usage": {
                "prompt_tokens": prompt_tokens,
                "completion_tokens": completion_tokens,
                "total_tokens": prompt_tokens + completion_tokens,
            },
        }


def _question(text: str) -> dict[str, object]:
    try:
        body: object = json.loads(text)
    except ValueError as err:
        raise RefusedError(400, "We could not parse the JSON body of your request.") from err
    if not isinstance(body, dict):
        raise RefusedError(400, "We could not parse the JSON body of your request.")
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise RefusedError(400, "Missing required parameter: 'messages'.")
    if not all(isinstance(each, dict) and isinstance(each.get("content"), str) for each in messages):
        raise RefusedError(400, "Invalid value for 'messages'.")
    return body


def _rewritten(body: dict[str, object]) -> str:
    """What a good model would say: the member's facts, and a camera that does something."""
    messages = body["messages"]
    said = str(messages[-1]["content"]) if isinstance(messages, list) else ""
    idea = " ".join(said.replace("<idea>", " ").replace("</idea>", " ").split()).rstrip(".")
    system = str(messages[0]["content"]) if isinstance(messages, list) else ""
    if "meme" in system:
        return f"Close-up: {idea}. Freeze frame on the face, then everything goes wrong at once."
    return f"Wide shot: {idea}, in soft morning light. The camera glides slowly closer at eye level."
