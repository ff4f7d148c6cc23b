"""Hugging Face's own Python client works against the local hub and router as it is."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from sandbox.huggingface_server import HuggingFaceServer
from sandbox.vendors import Plan, Refusal
from sandbox.vendors.faults import Call
from tests.sandbox.vendors import is_movie, jpeg

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import huggingface_hub
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.utils import _http

from huggingface_hub.utils._http import httpx2 as httpx


class ToSandbox(httpx.BaseTransport):
    """Leads requests for the two official hosts to this machine; the library believes that it is talking to them."""

    hosts = ("huggingface.co", "router.huggingface.co")

    def __init__(self, origin: str) -> None:
        self._origin = httpx.URL(origin)
        self._inner = httpx.HTTPTransport()

    def handle_request(self, request: Any) -> Any:
        if request.url.host in self.hosts:
            request.url = request.url.copy_with(scheme="http", host=self._origin.host, port=self._origin.port)
        return self._inner.handle_request(request)

    def close(self) -> None:
        self._inner.close()


@pytest.fixture
async def hub() -> AsyncIterator[HuggingFaceServer]:
    async with HuggingFaceServer(seconds=0.2) as server:
        yield server


@pytest.fixture
def client(hub: HuggingFaceServer) -> Iterator[Any]:
    huggingface_hub.set_client_factory(lambda: httpx.Client(transport=ToSandbox(hub.url), follow_redirects=True))
    yield huggingface_hub.InferenceClient(provider="fal-ai", api_key=hub.key)
    huggingface_hub.close_session()
    huggingface_hub.set_client_factory(_http.default_client_factory)


async def test_text_becomes_a_video(client: Any, hub: HuggingFaceServer) -> None:
    content = await asyncio.to_thread(
        client.text_to_video, "A fox", model="sandbox/clip-long", seed=3, extra_body={"duration": 2}
    )

    assert is_movie(content)
    submitted = next(seen for seen in hub.requests if seen.call is Call.CREATE)
    assert submitted.path == "/fal-ai/fal-ai/clip/v2/text-to-video?_subdomain=queue"


async def test_picture_becomes_a_video(client: Any) -> None:
    content = await asyncio.to_thread(client.image_to_video, jpeg(), model="sandbox/clip-image", prompt="It runs")

    assert is_movie(content)


async def test_refusals_reach_the_caller(client: Any, hub: HuggingFaceServer) -> None:
    hub.faults.add(Call.CREATE, Refusal(status=402, text="You have exceeded your monthly included credits."))
    with pytest.raises(HfHubHTTPError, match="402"):
        await asyncio.to_thread(client.text_to_video, "A fox", model="sandbox/clip")

    # The library reads a filtered answer without a look at its status, and misses the video in it.
    hub.plan(Plan(is_filtered=True))
    with pytest.raises(KeyError, match="video"):
        await asyncio.to_thread(client.text_to_video, "A fox", model="sandbox/clip")
