"""Google's two shapes of errors: the old one of all its APIs, and that of the Interactions API."""

from __future__ import annotations

from aiohttp import web

_NAMES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}

# google.rpc.Code of the errors that a finished operation may carry.
RPC_INVALID_ARGUMENT, RPC_INTERNAL = 3, 13


def error(status: int, text: str) -> web.Response:
    name = _NAMES.get(status, "UNKNOWN")
    return web.json_response({"error": {"code": status, "message": text, "status": name}}, status=status)


def interaction_error(status: int, text: str) -> web.Response:
    """Here the code is a word; which words there are is in no source, only that Google's client wants a text."""
    name = _NAMES.get(status, "UNKNOWN").lower()
    return web.json_response({"error": {"code": name, "message": text}}, status=status)
