"""Small files that stand for huge pictures, and files that are hard on whoever reads them."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from random import Random

from PIL import Image

from tests.media import drawings


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


@cache
def packed_zeros(count: int) -> bytes:
    """Millions of zeros in a thousandth of their size. Packing them takes a second."""
    packer, block = zlib.compressobj(9), bytes(1 << 20)
    parts = [packer.compress(block) for _ in range(count >> 20)]
    return b"".join([*parts, packer.compress(bytes(count % (1 << 20))), packer.flush()])


def png(width: int, height: int, *before: bytes, content: bytes | None = None) -> bytes:
    """A grey PNG that is whole: every row is there."""
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
            *before,
            chunk(b"IDAT", packed_zeros((width + 1) * height) if content is None else content),
            chunk(b"IEND", b""),
        ]
    )


def jpeg(width: int, height: int) -> bytes:
    """A header that promises, and nothing behind it."""
    frame = struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\x00"
    scan = b"\x01\x01\x00\x00\x3f\x00"
    return b"\xff\xd8" + b"".join(
        marker + struct.pack(">H", len(body) + 2) + body for marker, body in ((b"\xff\xc0", frame), (b"\xff\xda", scan))
    )


def webp(width: int, height: int) -> bytes:
    size = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    small = drawings.drawn("WEBP", (16, 16), lossless=True)[12:]
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\0\0\0\0" + size + small
    return b"RIFF" + struct.pack("<I", len(body)) + body


def tiff(width: int, height: int, *, compression: int = 1) -> bytes:
    tags = ((256, width), (257, height), (258, 8), (259, compression), (262, 1), (273, 8), (277, 1), (278, height))
    body = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0" + struct.pack("<I", 8) + body + bytes(4)


def headers() -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Too many pixels, as the header says; refused before anything is decoded."""
    yield "png just over the limit", lambda: drawings.png_bomb(6401, 6400)
    yield "png of 2.5 gigapixels", lambda: drawings.png_bomb(50_000, 50_000)
    yield "png of the largest sides", lambda: drawings.png_bomb(2**31 - 1, 2**31 - 1)
    yield "png that is really whole", lambda: png(9000, 9000)
    yield "gif", lambda: drawings.gif_bomb(60_000, 60_000)
    yield "bmp", lambda: drawings.bmp_bomb(50_000, 50_000)
    yield "bmp upside down", lambda: drawings.bmp_bomb(50_000, -50_000)
    yield "jpeg", lambda: jpeg(65_500, 65_500)
    yield "tiff", lambda: tiff(100_000, 100_000)
    yield "tiff of four thousand million columns", lambda: tiff(2**32 - 1, 1)
    yield "webp", lambda: webp(16_384, 16_384)


def insides() -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Within the limit of pixels, with something else that swells; refused, or read within the bounds."""
    yield "png with a swelling text", lambda: png(8, 8, chunk(b"zTXt", b"a\0\0" + packed_zeros(300_000_000)))
    yield "png with a swelling profile", lambda: png(8, 8, chunk(b"iCCP", b"a\0\0" + packed_zeros(300_000_000)))
    yield "png with rows for a hundred pictures", lambda: png(8, 8, content=packed_zeros(300_000_000))
    yield "png with ten thousand texts", lambda: png(8, 8, *[chunk(b"tEXt", b"k%d\0v" % n) for n in range(10_000)])
    yield (
        "png with a chunk of two gigabytes",
        lambda: drawings.drawn("PNG")[:33] + struct.pack(">I4s", 2**31 - 1, b"IDAT"),
    )
    yield (
        "gif with a frame beyond its screen",
        lambda: drawings.gif_bomb(1, 1)[:13] + drawings.gif_bomb(60_000, 60_000)[19:],
    )
    yield "tiff that points at itself", lambda: b"II*\0\x08\0\0\0" + struct.pack("<H", 0) + struct.pack("<I", 8)
    yield "webp with a canvas at the limit", lambda: webp(8_000, 5_000)


def swelling_tiff() -> bytes:
    """Rows of noise that are all the same: within Deflate's window, and far beyond what LZW remembers."""
    width, height = 5000, 3200
    image = Image.frombytes("RGB", (width, height), Random(4).randbytes(3 * width) * height)
    out = io.BytesIO()
    image.save(out, "TIFF", compression="tiff_adobe_deflate", strip_size=3 * width * height)
    return out.getvalue()
