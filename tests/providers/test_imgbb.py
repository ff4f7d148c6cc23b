"""imgbb's answers, with numbers as texts and with errors whose shape nobody has documented."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from bot.domain.jobs import FailureReason
from bot.errors import ProviderProtocolError, ProviderRejectedError, ProviderUnavailableError
from bot.providers.imgbb import Imgbb
from tests.providers.vendor import KEY, Vendor, answer, vendor


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "private name.jpg"
    path.write_bytes(b"abc")
    return path


async def hosted(seen: Vendor, picture: Path) -> str:
    imgbb = Imgbb(api_key=KEY, base_url="https://imgbb.test", inner=seen.inner)
    try:
        return await imgbb.host(picture, "image/jpeg")
    finally:
        await imgbb.aclose()


async def test_picture_is_public_for_six_hours_under_nobodys_name(picture: Path) -> None:
    seen = vendor(answer("imgbb/uploaded"))

    assert await hosted(seen, picture) == "https://i.ibb.co/w04Prt6/a.jpg"
    assert seen.url == f"https://imgbb.test/1/upload?key={KEY}&expiration=21600"
    assert b'name="image"' in seen.sent[0].content
    assert b"private name" not in seen.sent[0].content
    assert "Authorization" not in seen.sent[0].headers


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (answer("imgbb/bad_key", 400), ProviderUnavailableError),
        (httpx.Response(401, text=""), ProviderUnavailableError),
        (httpx.Response(429, text="slow down"), ProviderUnavailableError),
        (httpx.Response(503, text="<html>"), ProviderUnavailableError),
        (httpx.Response(200, text="[]"), ProviderProtocolError),
        (httpx.Response(200, json={"data": {"url": 7}}), ProviderProtocolError),
        (httpx.ReadTimeout("slow"), ProviderUnavailableError),
    ],
)
async def test_errors_do_not_show_the_key(
    picture: Path, reply: httpx.Response | Exception, error: type[Exception]
) -> None:
    with pytest.raises(error) as caught:
        await hosted(vendor(reply), picture)

    assert KEY not in str(caught.value)


async def test_file_that_imgbb_does_not_take_is_the_pictures_fault(picture: Path) -> None:
    with pytest.raises(ProviderRejectedError) as caught:
        await hosted(vendor(answer("imgbb/bad_file", 400)), picture)

    assert caught.value.reason is FailureReason.IMAGE
