"""The hosts of results want no key: whoever brings one gets nothing, and the test can tell."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from sandbox.discord_server import DiscordServer
from sandbox.google_server import GoogleServer
from sandbox.huggingface_server import HuggingFaceServer
from sandbox.imgbb_server import ImgbbServer
from sandbox.kie_server import KieServer
from sandbox.openai_server import OpenAIServer
from sandbox.replicate_server import ReplicateServer
from sandbox.strangers import Leak
from sandbox.vendors import VendorServer
from sandbox.xai_server import XAIServer

SERVERS = [
    GoogleServer,
    HuggingFaceServer,
    ImgbbServer,
    KieServer,
    OpenAIServer,
    ReplicateServer,
    XAIServer,
]
# Where the vendors of this file want their keys, and other places into which one gets by mistake.
PLACES = [
    ({"Authorization": "Bearer {key}"}, "", "authorization"),
    ({"Authorization": "Key of somebody else"}, "", "authorization"),
    ({"x-goog-api-key": "{key}"}, "", "x-goog-api-key"),
    ({"X-Of-Our-Own": "token={key}"}, "", "x-of-our-own"),
    ({}, "?key={key}", "address"),
]


@pytest.fixture(params=SERVERS, ids=lambda kind: kind.__name__)
async def server(request: pytest.FixtureRequest) -> AsyncIterator[VendorServer | KieServer]:
    async with request.param() as running:
        yield running


@pytest.mark.parametrize(("headers", "query", "place"), PLACES)
async def test_whoever_brings_a_key_is_refused_and_remembered(
    server: VendorServer | KieServer, headers: dict[str, str], query: str, place: str
) -> None:
    key = server.api_key if isinstance(server, KieServer) else server.key
    filled = {name: value.format(key=key) for name, value in headers.items()}

    async with httpx.AsyncClient(base_url=server.result_url) as client:
        answer = await client.get(f"/workers/a.mp4{query.format(key=key)}", headers=filled)

    assert (answer.status_code, answer.text) == (400, "InvalidArgument: Only one auth mechanism allowed")
    assert server.leaks == [Leak(path="/workers/a.mp4", place=place)]


async def test_signed_link_is_no_key(server: VendorServer | KieServer) -> None:
    async with httpx.AsyncClient(base_url=server.result_url) as client:
        answer = await client.get("/workers/a.mp4?X-Amz-Credential=AKID&X-Amz-Signature=0123456789abcdef")

    assert answer.status_code == 404  # There is no such file.
    assert server.leaks == []


async def test_discords_host_of_attachments_wants_no_token() -> None:
    async with DiscordServer() as discord, httpx.AsyncClient(base_url=discord.cdn_url) as client:
        answer = await client.get("/attachments/1/2/a.mp4", headers={"Authorization": f"Bot {discord.token}"})

        assert answer.status_code == 400
        assert discord.leaks == [Leak(path="/attachments/1/2/a.mp4", place="authorization")]
