"""The local imgbb keeps pictures as long as it was asked, and refuses what is none."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator

import httpx
import pytest

from sandbox.imgbb_server import ImgbbServer
from tests.sandbox.vendors import HandClock, jpeg


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def imgbb(clock: HandClock) -> AsyncIterator[ImgbbServer]:
    async with ImgbbServer(clock=clock) as server:
        yield server


@pytest.fixture
async def web() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


async def test_picture_is_served_until_it_expires(imgbb: ImgbbServer, web: httpx.AsyncClient, clock: HandClock) -> None:
    params = {"key": imgbb.key, "expiration": "600"}
    answer = (
        await web.post(f"{imgbb.url}/1/upload", params=params, files={"image": ("fox.jpg", jpeg(1280, 720))})
    ).json()
    url = answer["data"]["url"]
    shown = await web.get(url)
    clock.advance(600)
    gone = await web.get(url)

    assert (answer["success"], answer["status"]) == (True, 200)
    assert (answer["data"]["width"], answer["data"]["expiration"]) == ("1280", "600")
    assert "medium" in answer["data"]
    assert answer["data"]["delete_url"].startswith(imgbb.url)
    assert (shown.status_code, shown.headers["Content-Type"], shown.content) == (200, "image/jpeg", jpeg(1280, 720))
    assert gone.status_code == 404


async def test_base64_is_taken_too_and_small_pictures_have_no_medium(
    imgbb: ImgbbServer, web: httpx.AsyncClient
) -> None:
    fields = {"image": base64.b64encode(jpeg()).decode(), "name": "fox"}
    answer = (await web.post(f"{imgbb.url}/1/upload", params={"key": imgbb.key}, data=fields)).json()

    assert answer["data"]["image"]["filename"] == "fox.jpg"
    assert "medium" not in answer["data"]


@pytest.mark.parametrize(
    ("params", "content", "text"),
    [
        ({"key": "wrong"}, jpeg(), "Invalid API v1 key."),
        ({"expiration": "59"}, jpeg(), "Invalid expiration parameter."),
        ({}, b"not a picture", "Unsupported or unrecognized file format."),
    ],
)
async def test_what_is_wrong_is_refused(
    imgbb: ImgbbServer, web: httpx.AsyncClient, params: dict[str, str], content: bytes, text: str
) -> None:
    answer = await web.post(
        f"{imgbb.url}/1/upload", params={"key": imgbb.key} | params, files={"image": ("fox.jpg", content)}
    )

    assert (answer.status_code, answer.json()["error"]["message"]) == (400, text)
