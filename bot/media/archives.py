"""Packs things for somebody to take away, within the size that Discord takes."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO


def pack(target: BinaryIO, name: str, text: bytes, files: Sequence[Path], max_bytes: int) -> int:
    """Write a ZIP of *text* under *name* and of as many of the *files* as fit; how many did not or were gone.

    Blocking: for a thread. *target* is a file on the disk, since the videos of one person may be more than our memory.
    """
    left_out = 0
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, text)
        for path in files:
            try:
                size = path.stat().st_size
            except OSError:
                left_out += 1
                continue
            # Pictures and videos do not get smaller; a little room is for the archive's own table.
            if target.tell() + size + 64 * 1024 > max_bytes:
                left_out += 1
                continue
            archive.write(path, f"files/{path.name}", zipfile.ZIP_STORED)
    return left_out
