"""What an uploaded file is, by its bytes: Discord looks at the content and not at the name."""

from __future__ import annotations

import mimetypes
import struct
from pathlib import Path
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", 0, "image/png"),
    (b"\xff\xd8\xff", 0, "image/jpeg"),
    (b"GIF8", 0, "image/gif"),
    (b"WEBP", 8, "image/webp"),
    (b"ftypqt", 4, "video/quicktime"),
    (b"ftyp", 4, "video/mp4"),
    (b"\x1aE\xdf\xa3", 0, "video/webm"),
)
Sides = tuple[int, int] | tuple[None, None]
UNKNOWN: Sides = (None, None)


def known_type(start: bytes) -> str | None:
    """The type the first bytes show."""
    for signature, offset, content_type in SIGNATURES:
        if start[offset : offset + len(signature)] == signature:
            return content_type
    return None


def content_type_of(path: Path, filename: str) -> str:
    with path.open("rb") as file:
        start = file.read(16)
    return known_type(start) or mimetypes.guess_type(filename)[0] or "application/octet-stream"


def sides_of(path: Path, content_type: str) -> Sides:
    """Width and height from the headers of a picture or an MP4; unknown for everything else."""
    if content_type in ("video/mp4", "video/quicktime"):
        with path.open("rb") as file:
            return _video_sides(file, 0, path.stat().st_size)
    if not content_type.startswith("image/"):
        return UNKNOWN
    try:
        with Image.open(path, formats=("PNG", "JPEG", "GIF", "WEBP")) as picture:
            return picture.size
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return UNKNOWN


def _video_sides(file: BinaryIO, start: int, end: int) -> Sides:
    """Walk the boxes down to the first track header with a size (ISO/IEC 14496-12, 8.3.2)."""
    while start + 8 <= end:
        file.seek(start)
        size, kind = struct.unpack(">I4s", file.read(8))
        header = 8
        if size == 1:
            size, header = int.from_bytes(file.read(8), "big"), 16
        elif size == 0:
            size = end - start
        if size < header:
            return UNKNOWN
        if kind in (b"moov", b"trak"):
            found = _video_sides(file, start + header, min(start + size, end))
            if found != UNKNOWN:
                return found
        elif kind == b"tkhd" and start + size <= end and size >= header + 8:
            # Both sides are 16.16 fixed point numbers and the last fields; sound tracks have zeros there.
            file.seek(start + size - 8)
            width, height = struct.unpack(">II", file.read(8))
            if width and height:
                return (width >> 16, height >> 16)
        start += size
    return UNKNOWN
