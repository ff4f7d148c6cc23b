"""Packs things for somebody to take away, within the size that Discord takes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """A ZIP, and how many of the files did not fit any more or were gone."""

    content: bytes
    left_out: int


def pack(name: str, text: bytes, files: Sequence[Path], max_bytes: int) -> Archive:
    """*text* under *name*, and as many of the *files* as fit. Blocking: for a thread."""
    buffer = io.BytesIO()
    left_out = 0
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, text)
        for path in files:
            try:
                size = path.stat().st_size
            except OSError:
                left_out += 1
                continue
            # Pictures and videos do not get smaller; a little room is for the archive's own table.
            if buffer.tell() + size + 64 * 1024 > max_bytes:
                left_out += 1
                continue
            archive.write(path, f"files/{path.name}", zipfile.ZIP_STORED)
    return Archive(content=buffer.getvalue(), left_out=left_out)
