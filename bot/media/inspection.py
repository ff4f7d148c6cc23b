"""Opens one picture, in a process of its own, and writes it again without anything that is not picture.

Run as a script by `bot.media.pictures`: decoders of strangers' files are where crashes and memory bombs live, and here
they only take this process with them. It prints one line of JSON: what the picture is, or why it is refused.
"""

from __future__ import annotations

import contextlib
import json
import re
import struct
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from PIL import Image, ImageOps, UnidentifiedImageError

# What Pillow may try, by its own names. Its other formats are rare as attachments, and each is one more parser.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")

# 40 million pixels are 160 MB once decoded; cameras of today stay below.
MAX_PIXELS = 40_000_000

# Memory and seconds of processor time for one picture: decoded, turned and encoded again, with room to spare.
MEMORY = 1024 * 1024 * 1024
SECONDS = 20

# What is written may be as large as what any model takes, and a little: a format with worse compression makes a hundred
# megabytes out of one.
LARGEST = 40_000_000

_ORIENTATION = 0x0112
# Pillow's parsers end in any of these when a file is cut off or lies about itself.
_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    EOFError,
    struct.error,
    zlib.error,
)

# PNG chunks that are needed to show the picture as it was meant; text, times and EXIF are not among them.
_PNG_CHUNKS = frozenset(
    {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"cICP", b"bKGD"}
)
_WEBP_CHUNKS = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ICCP"})
_WEBP_METADATA_FLAGS = 0x08 | 0x04  # EXIF and XMP, in the first byte of VP8X


class Refused(Exception):  # noqa: N818 - an outcome with a name, printed as such
    """Why the picture cannot be used: a kind that `bot.media.pictures` has an error for, and what was found."""

    def __init__(self, kind: str, given: str = "") -> None:
        super().__init__(kind)
        self.kind = kind
        self.given = given


def inspect(source: Path, target: Path) -> dict[str, str | int]:
    """Write the clean picture to *target* and tell its format and sides; raise Refused."""
    try:
        with Image.open(source, formats=FORMATS) as image:
            _check(image)
            image.load()  # Only decoding shows whether the rest of the file is there.
            _write(image, source, target)
        with Image.open(target, formats=FORMATS) as image:
            return {"format": _format(image), "width": image.width, "height": image.height}
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as err:
        # Pillow's own limit is above ours; all it tells is the number of pixels.
        count = re.search(r"\d{6,}", str(err))
        raise Refused("bomb", count.group() if count else "") from err
    except (UnidentifiedImageError, *_BROKEN) as err:
        raise Refused("unreadable") from err


def _check(image: Image.Image) -> None:
    """Everything that the header alone can tell."""
    if image.width * image.height > MAX_PIXELS:
        raise Refused("bomb", f"{image.width}x{image.height}")
    # A JPEG with more pictures behind it (phones do that) and a TIFF with more pages still begin with a still one.
    if image.format in ("GIF", "WEBP", "PNG") and getattr(image, "is_animated", False):
        raise Refused("animated")


def _format(image: Image.Image) -> str:
    """Our name of the format. "MPO" is a JPEG with more JPEGs behind it."""
    return "jpeg" if image.format == "MPO" else str(image.format).lower()


def _write(image: Image.Image, source: Path, target: Path) -> None:
    """The picture itself, upright and with its colours, and nothing else; without loss where the format allows it."""
    is_upright = image.getexif().get(_ORIENTATION, 1) == 1
    kind = _format(image)
    if kind == "jpeg":
        _write_jpeg(image, target, is_upright=is_upright)
    elif kind in ("png", "webp") and is_upright:
        with source.open("rb") as file, target.open("wb") as out:
            (_copy_png if kind == "png" else _copy_webp)(file, out)
    else:
        _encode(image, kind, target)


def _write_jpeg(image: Image.Image, target: Path, *, is_upright: bool) -> None:
    """Encoded again; with the tables it already has when it need not be turned, which changes next to nothing."""
    profile = image.info.get("icc_profile", b"")
    if image.format == "JPEG" and is_upright and image.mode in ("L", "RGB"):
        image.info.pop("comment", None)
        image.save(target, "JPEG", quality="keep", icc_profile=profile, exif=b"")
        return
    bare = _bare(image)
    if bare.mode not in ("L", "RGB"):  # CMYK: its profile means nothing after this
        bare, profile = bare.convert("RGB"), b""
    bare.save(target, "JPEG", quality=95, subsampling=0, icc_profile=profile)


def _encode(image: Image.Image, kind: str, target: Path) -> None:
    profile, transparency = image.info.get("icc_profile", b""), image.info.get("transparency")
    bare = _bare(image)
    if kind != "png" and bare.mode not in ("1", "L", "P", "RGB", "RGBA"):
        bare, profile = bare.convert("RGB"), b""
    match kind:
        case "png":
            bare.save(target, "PNG", icc_profile=profile, **_kept(transparency))
        case "webp":
            bare.save(target, "WEBP", quality=95, icc_profile=profile)
        case "tiff":
            bare.save(target, "TIFF", compression="tiff_lzw", icc_profile=profile)
        case "gif":
            bare.save(target, "GIF", **_kept(transparency))
        case _:
            bare.save(target, "BMP")


def _kept(transparency: object) -> dict[str, object]:
    return {} if transparency is None else {"transparency": transparency}


def _bare(image: Image.Image) -> Image.Image:
    """The same pixels upright, with nothing attached: savers copy comments, tags and XMP from what is attached."""
    bare = ImageOps.exif_transpose(image)  # always a new image
    bare.info = {}
    return bare


def _copy_png(file: BinaryIO, out: BinaryIO) -> None:
    """The chunks that make the picture; what stands behind the end is left behind."""
    out.write(file.read(8))
    while header := file.read(8):
        length, kind = struct.unpack(">I4s", header)
        body = file.read(length + 4)
        if len(body) != length + 4:
            raise Refused("unreadable")
        if kind in _PNG_CHUNKS:
            out.write(header + body)
        if kind == b"IEND":
            return
    raise Refused("unreadable")


def _copy_webp(file: BinaryIO, out: BinaryIO) -> None:
    """The chunks that make the picture, with the header saying that no others follow."""
    kept = b"".join(_webp_chunks(file))
    out.write(b"RIFF" + struct.pack("<I", len(kept) + 4) + b"WEBP" + kept)


def _webp_chunks(file: BinaryIO) -> Iterator[bytes]:
    _, length, _ = struct.unpack("<4sI4s", file.read(12))
    end = 8 + length
    while file.tell() + 8 <= end:
        kind, size = struct.unpack("<4sI", file.read(8))
        body = file.read(size + size % 2)
        if len(body) < size:
            raise Refused("unreadable")
        if kind == b"VP8X":
            body = bytes([body[0] & ~_WEBP_METADATA_FLAGS]) + body[1:]
        if kind in _WEBP_CHUNKS:
            yield kind + struct.pack("<I", size) + body


def _limit_ourselves() -> None:
    """A picture that needs more than this is an attack."""
    try:
        import resource  # noqa: PLC0415 - Windows has no such thing
    except ImportError:
        return
    limits = {
        resource.RLIMIT_AS: MEMORY,
        resource.RLIMIT_CPU: SECONDS,
        resource.RLIMIT_CORE: 0,
        # Python ignores the signal that comes with it, so that writing beyond is an error like a full disk.
        resource.RLIMIT_FSIZE: LARGEST,
    }
    for kind, most in limits.items():
        # macOS knows the limit on memory and refuses to set it.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (most, most))


def main(source: str, target: str) -> None:
    _limit_ourselves()
    try:
        answer: dict[str, str | int] = inspect(Path(source), Path(target))
    except Refused as err:
        answer = {"refused": err.kind, "given": err.given}
    except MemoryError:
        answer = {"refused": "bomb", "given": ""}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
