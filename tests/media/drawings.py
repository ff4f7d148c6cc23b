"""Picture files made for the tests: good ones of every kind, and ones that lie."""

from __future__ import annotations

import io
import struct
import zlib

from PIL import Image
from PIL.PngImagePlugin import PngInfo

SECRET = b"secret-place-canary"


def drawn(kind: str, size: tuple[int, int] = (64, 40), mode: str = "RGB", **options: object) -> bytes:
    """A picture with a red left upper corner, saved by Pillow."""
    image = Image.new("RGB", size, "navy")
    image.paste((255, 0, 0), (0, 0, size[0] // 4, size[1] // 4))
    out = io.BytesIO()
    image.convert(mode).save(out, kind, **options)
    return out.getvalue()


def exif(orientation: int = 1) -> Image.Exif:
    """EXIF with a place, a text and an orientation, as cameras write it."""
    tags = Image.Exif()
    tags[0x0112] = orientation
    tags[0x010E] = SECRET.decode()
    tags.get_ifd(0x8825)[1] = "N"
    tags.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    return tags


def private(kind: str, orientation: int = 1) -> bytes:
    """A picture that carries more than a picture, in every place the format has for it."""
    match kind:
        case "PNG":
            texts = PngInfo()
            texts.add_text("Comment", SECRET.decode())
            texts.add_itxt("XML:com.adobe.xmp", SECRET.decode())
            return drawn(kind, exif=exif(orientation), pnginfo=texts) + SECRET
        case "JPEG":
            return drawn(kind, exif=exif(orientation), comment=SECRET, xmp=b"<x>" + SECRET, quality=95) + SECRET
        case "WEBP":
            return drawn(kind, exif=exif(orientation), xmp=SECRET, lossless=True) + SECRET
        case "TIFF":
            return drawn(kind, tiffinfo={270: SECRET.decode(), 274: orientation, 315: SECRET.decode()})
        case "GIF":
            return drawn(kind, mode="P", comment=SECRET)
        case _:
            return drawn(kind) + SECRET


def animated(kind: str) -> bytes:
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "green", "blue")]
    out = io.BytesIO()
    frames[0].save(out, kind, save_all=True, append_images=frames[1:], duration=100, loop=0)
    return out.getvalue()


def phone_jpeg() -> bytes:
    """A JPEG with a second one behind it, as phones make them."""
    out = io.BytesIO()
    first = Image.new("RGB", (64, 40), "navy")
    first.save(out, "MPO", save_all=True, append_images=[Image.new("RGB", (32, 20), "red")], exif=exif())
    return out.getvalue()


def png_bomb(width: int, height: int) -> bytes:
    """A PNG of a few kilobytes that would decode to width x height pixels."""
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
        + _chunk(b"IDAT", zlib.compress(b"\0" * 1_000_000))
        + _chunk(b"IEND", b"")
    )


def gif_bomb(width: int, height: int) -> bytes:
    start = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    return start + b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x4c\x01\x00;"


def bmp_bomb(width: int, height: int) -> bytes:
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + head


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
