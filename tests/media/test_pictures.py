"""A member's picture is judged by what it is, and nothing of it but the picture is kept."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from PIL import Image

from bot.domain.models import ImageFormat
from bot.domain.pictures import Picture
from bot.errors.pictures import (
    AnimatedImageError,
    BadImageError,
    EmptyImageError,
    ImageBombError,
    ImageTooManyBytesError,
    ImageUnreachableError,
)
from bot.media import Pictures
from bot.media.inspection import Refused, inspect
from bot.media.pictures import PictureLimits
from tests.logged import logged
from tests.loopback import Handler, always, answer, reset, serving, serving_broken_tls, silence
from tests.media import drawings

SHORT = timedelta(milliseconds=200)


@pytest.fixture
async def pictures(tmp_path: Path) -> AsyncIterator[Pictures]:
    limits = PictureLimits(max_bytes=2_000_000)
    here = Pictures(tmp_path / "inputs", allow_private=True, limits=limits)
    yield here
    await here.aclose()


async def take(pictures: Pictures, handler: Handler | bytes, *, declared: int = 1000) -> Picture:
    served = always(answer(handler)) if isinstance(handler, bytes) else handler
    async with serving(served) as server:
        url = f"{server.url}/attachments/1/2/holiday.png?ex=1&hm=canary"
        return await pictures.take(url, declared_size=declared, filename="holiday.png")


def inspected(tmp_path: Path, content: bytes) -> tuple[dict[str, str | int], bytes]:
    """What the inspection says and writes, without the process around it."""
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(content)
    return inspect(source, target), target.read_bytes()


def refused(tmp_path: Path, content: bytes) -> Refused:
    with pytest.raises(Refused) as refusal:
        inspected(tmp_path, content)
    return refusal.value


def corners(content: bytes) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The left and the right upper corner, as RGB."""
    with Image.open(io.BytesIO(content)) as image:
        upright = image.convert("RGB")
        left, right = upright.getpixel((1, 1)), upright.getpixel((upright.width - 2, 1))
    assert isinstance(left, tuple)
    assert isinstance(right, tuple)
    return left, right


async def test_picture_is_stored_under_what_it_is(pictures: Pictures) -> None:
    picture = await take(pictures, drawings.drawn("JPEG"))

    assert picture.name.endswith(".jpg")
    assert (picture.format, picture.width, picture.height) == (ImageFormat.JPEG, 64, 40)
    assert pictures.path(picture).stat().st_size == picture.size
    assert [path.name for path in pictures.path(picture).parent.iterdir()] == [picture.name]


async def test_same_picture_is_stored_once(pictures: Pictures) -> None:
    first = await take(pictures, drawings.drawn("PNG"))
    second = await take(pictures, drawings.private("PNG"))

    assert first == second


async def test_nothing_private_reaches_the_folder(pictures: Pictures) -> None:
    picture = await take(pictures, drawings.private("JPEG", orientation=6))

    stored = pictures.path(picture).read_bytes()
    assert drawings.SECRET not in stored
    assert (picture.width, picture.height) == (40, 64)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", EmptyImageError),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", BadImageError),
        (drawings.animated("GIF"), AnimatedImageError),
        (drawings.png_bomb(9000, 9000), ImageBombError),
        (drawings.png_bomb(60000, 60000), ImageBombError),
        (bytes(2_000_001), ImageTooManyBytesError),
    ],
    ids=["empty", "svg", "animated", "bomb", "huge bomb", "too many bytes"],
)
async def test_refused_picture_leaves_nothing(
    pictures: Pictures, content: bytes, error: type[BadImageError], tmp_path: Path
) -> None:
    with pytest.raises(BadImageError) as refusal:
        await take(pictures, content)

    assert type(refusal.value) is error
    assert list((tmp_path / "inputs").iterdir()) == []


@pytest.mark.parametrize(("declared", "error"), [(2_000_001, ImageTooManyBytesError), (0, EmptyImageError)])
async def test_size_that_discord_declares_is_enough_to_refuse(
    pictures: Pictures, declared: int, error: type[BadImageError]
) -> None:
    async with serving(always(answer(b"x"))) as server:
        with pytest.raises(error):
            await pictures.take(server.url, declared_size=declared, filename="a.png")

    assert server.connections == 0


async def test_size_over_the_limit_is_told_as_over_the_limit(pictures: Pictures) -> None:
    with pytest.raises(ImageTooManyBytesError) as refusal:
        await pictures.take("http://127.0.0.1/", declared_size=2_000_001, filename="a.png")

    assert refusal.value.values == {"given": 2.1, "limit": 2.0}


async def endless(_: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not writer.is_closing():
        writer.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")
        await writer.drain()


async def test_endless_attachment_is_not_read_to_its_end(pictures: Pictures) -> None:
    with pytest.raises(ImageTooManyBytesError):
        await take(pictures, endless)


@pytest.mark.parametrize(
    "handler",
    [
        reset,
        always(answer(b"", status="404 Not Found")),
        always(answer(b"", status="500 Oops")),
        always(answer(b"", "Location: http://169.254.169.254/", status="302 Found")),
        always(answer(drawings.drawn("PNG"), length=5000), then_close=True),
    ],
    ids=["reset", "404", "500", "redirect", "cut off"],
)
async def test_attachment_that_does_not_arrive_is_asked_for_again(pictures: Pictures, handler: Handler) -> None:
    with pytest.raises(ImageUnreachableError):
        await take(pictures, handler)


async def test_attachment_whose_encryption_breaks_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving_broken_tls(tmp_path, monkeypatch) as url:
        pictures = Pictures(tmp_path / "inputs", allow_private=True)

        with pytest.raises(ImageUnreachableError):
            await pictures.take(f"{url}/a.png", declared_size=10, filename="a.png")
        await pictures.aclose()


async def test_attachment_that_does_not_come_is_not_waited_for(tmp_path: Path) -> None:
    pictures = Pictures(tmp_path / "inputs", allow_private=True, limits=PictureLimits(stall=SHORT))

    with pytest.raises(ImageUnreachableError):
        await take(pictures, silence)

    await pictures.aclose()
    assert list((tmp_path / "inputs").iterdir()) == []


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/a.png",
        "file:///etc/passwd",
        "http://[::ffff:127.0.0.1]/",
        "",
        "x",
        "http://a..test/a.png",
        "http://xn--/a.png",
        "http://127.0.0.1:70000/a.png",
    ],
)
async def test_address_inside_is_not_opened(tmp_path: Path, url: str) -> None:
    pictures = Pictures(tmp_path / "inputs")

    with pytest.raises(ImageUnreachableError):
        await pictures.take(url, declared_size=10, filename="a.png")

    await pictures.aclose()


async def test_inspection_that_hangs_is_ended(tmp_path: Path) -> None:
    limits = PictureLimits(inspection=timedelta(0))
    pictures = Pictures(tmp_path / "inputs", allow_private=True, limits=limits)

    with pytest.raises(BadImageError):
        await take(pictures, drawings.drawn("PNG"))

    await pictures.aclose()
    assert list((tmp_path / "inputs").iterdir()) == []


async def test_refusal_is_logged_without_the_signed_address(pictures: Pictures) -> None:
    with logged() as log, pytest.raises(BadImageError):
        await take(pictures, b"not a picture")

    assert "picture_refused" in log.getvalue()
    assert "canary" not in log.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
def test_metadata_is_left_behind_and_the_picture_is_not(tmp_path: Path, kind: str) -> None:
    facts, clean = inspected(tmp_path, drawings.private(kind))

    left, right = corners(clean)
    assert facts == {"format": kind.lower(), "width": 64, "height": 40}
    assert drawings.SECRET not in clean
    assert b"Exif" not in clean
    assert left[0] > 240
    assert right[0] < 20
    with Image.open(io.BytesIO(clean)) as image:
        assert 0x8825 not in image.getexif()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_picture_is_turned_as_its_camera_held_it(tmp_path: Path, kind: str) -> None:
    facts, clean = inspected(tmp_path, drawings.private(kind, orientation=6))

    left, right = corners(clean)
    assert (facts["width"], facts["height"]) == (40, 64)
    assert left[0] < 20
    assert right[0] > 240
    assert drawings.SECRET not in clean


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "GIF", "WEBP"])
def test_formats_without_loss_lose_nothing(tmp_path: Path, kind: str) -> None:
    given = drawings.drawn(kind, lossless=True)  # Only WebP has the choice.

    _, clean = inspected(tmp_path, given)

    with Image.open(io.BytesIO(given)) as before, Image.open(io.BytesIO(clean)) as after:
        assert before.convert("RGBA").tobytes() == after.convert("RGBA").tobytes()


def test_transparency_and_colour_profile_stay(tmp_path: Path) -> None:
    _, clean = inspected(tmp_path, drawings.drawn("PNG", mode="RGBA", icc_profile=b"a colour profile"))

    with Image.open(io.BytesIO(clean)) as image:
        assert image.mode == "RGBA"
        assert image.info["icc_profile"] == b"a colour profile"


@pytest.mark.parametrize("mode", ["1", "L", "CMYK"])
def test_jpeg_of_any_colours_becomes_one_that_models_read(tmp_path: Path, mode: str) -> None:
    _, clean = inspected(tmp_path, drawings.drawn("JPEG", mode=mode))

    with Image.open(io.BytesIO(clean)) as image:
        assert image.mode in ("L", "RGB")


def test_phone_jpeg_with_another_behind_it_is_one_jpeg(tmp_path: Path) -> None:
    facts, clean = inspected(tmp_path, drawings.phone_jpeg())

    assert facts == {"format": "jpeg", "width": 64, "height": 40}
    assert clean.count(b"\xff\xd8\xff") == 1
    assert drawings.SECRET not in clean


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_animation_is_refused(tmp_path: Path, kind: str) -> None:
    assert refused(tmp_path, drawings.animated(kind)).kind == "animated"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
@pytest.mark.parametrize("share", [0.1, 0.6])
def test_picture_that_is_cut_off_is_refused(tmp_path: Path, kind: str, share: float) -> None:
    whole = drawings.drawn(kind, size=(300, 200))

    assert refused(tmp_path, whole[: int(len(whole) * share)]).kind == "unreadable"


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")  # Pillow's; the inspecting process has nobody to warn.
@pytest.mark.parametrize(
    "content",
    [
        b"x",
        b"GIF89a",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff",
        b"RIFF\xff\xff\xff\xffWEBPVP8X",
        b"BM",
        b"II*\0\x08\0\0\0\xff\xff",
        b"<html><body>not a picture</body></html>",
        b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg' width='10' height='10'/>",
        b"%PDF-1.7\n1 0 obj\n",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        b"SIMPLE  =                    T",
        b"\x00\x00\x00\x18ftypheic" + bytes(100),
        drawings.drawn("ICO"),
        drawings.drawn("PPM"),
    ],
)
def test_what_is_no_picture_of_ours_is_refused(tmp_path: Path, content: bytes) -> None:
    assert refused(tmp_path, content).kind == "unreadable"


@pytest.mark.parametrize(
    "content",
    [
        drawings.png_bomb(6401, 6400),
        drawings.png_bomb(50000, 50000),
        drawings.gif_bomb(60000, 60000),
        drawings.bmp_bomb(50000, 50000),
    ],
)
def test_bomb_is_refused_by_its_header(tmp_path: Path, content: bytes) -> None:
    refusal = refused(tmp_path, content)

    assert refusal.kind == "bomb"
    assert refusal.given
    assert not (tmp_path / "target").exists()
