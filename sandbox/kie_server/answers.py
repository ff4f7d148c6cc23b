"""The envelope of the provider's JSON, where the body's code and not the HTTP status says what happened."""

from __future__ import annotations

import json
import secrets

from aiohttp import web

# Both API hosts stand behind this edge; its headers are in every recording.
_EDGE_HEADERS = {"Server": "cloudflare"}


class RefusedError(Exception):
    """The request is answered with a code other than 200 and nothing was done."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def envelope(code: int, text: str, content: object = None, *, status: int = 200) -> web.Response:
    return _json({"code": code, "msg": text, "data": content}, status)


def success(content: object) -> web.Response:
    return envelope(200, "success", content)


def upload_envelope(code: int, text: str, content: object = None, *, status: int = 200) -> web.Response:
    """Upload answers say twice whether they went well."""
    return _json({"success": code == 200, "code": code, "msg": text, "data": content}, status)


def _json(body: object, status: int) -> web.Response:
    return web.Response(
        body=json.dumps(body, ensure_ascii=False).encode(),
        status=status,
        headers={**_EDGE_HEADERS, "Content-Type": "application/json;charset=UTF-8", "cf-ray": secrets.token_hex(8)},
    )


def edge_page(status: int) -> web.Response:
    """What the edge says when the API behind it is not asked, or does not answer."""
    reasons = {
        403: "Forbidden",
        502: "Bad gateway",
        504: "Gateway time-out",
        520: "Unknown error",
        524: "A timeout occurred",
    }
    reason = reasons.get(status, "Error")
    page = (
        f"<!DOCTYPE html>\n<html><head><title>{status}: {reason}</title></head><body><h1>{reason}</h1></body></html>\n"
    )
    return web.Response(
        text=page, status=status, content_type="text/html", headers={**_EDGE_HEADERS, "cf-ray": secrets.token_hex(8)}
    )
