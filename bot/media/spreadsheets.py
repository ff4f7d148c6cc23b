"""Rows as CSV in ZIPs that Discord takes: written to the disk as they come, a new file where one is full."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

# Spreadsheets take a cell that begins like this for a formula, and run it for whoever opens the file
# (https://owasp.org/www-community/attacks/CSV_Injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
# How far before the limit a file is closed: what the packer still holds back, and the archive's own table.
_MARGIN = 256 * 1024


def cell(value: object) -> object:
    """*value* as it may stand in a cell: what people wrote does nothing there."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, str):
        text = " ".join(value.split("\0"))
        return f"'{text}" if text.startswith(_FORMULA) else text
    if isinstance(value, int) and abs(value) > 2**53:
        # Spreadsheets round such numbers; Discord's ids are among them.
        return f"'{value}"
    return value


class Spreadsheet:
    """Writes `name-1.zip`, `name-2.zip` and so on into a folder, each at most *max_bytes* large. Blocking."""

    def __init__(self, folder: Path, name: str, head: Sequence[str], max_bytes: int) -> None:
        self._folder = folder
        self._name = name
        self._head = head
        self._full_at = max(max_bytes - _MARGIN, max_bytes // 2)
        self.paths: list[Path] = []
        self._archive: zipfile.ZipFile | None = None
        self._text: io.TextIOWrapper | None = None

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def write(self, rows: Sequence[Sequence[object]]) -> None:
        if self._text is None:
            raise AssertionError("the spreadsheet is closed")
        if self.paths[-1].stat().st_size > self._full_at:
            self._close()
            self._open()
        csv.writer(self._text).writerows([cell(value) for value in row] for row in rows)
        self._text.flush()

    def _open(self) -> None:
        number = len(self.paths) + 1
        path = self._folder / f"{self._name}-{number}.zip"
        self._archive = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED)
        # With the mark by which spreadsheets know UTF-8.
        self._text = io.TextIOWrapper(
            self._archive.open(f"{self._name}-{number}.csv", "w", force_zip64=True), encoding="utf-8-sig", newline=""
        )
        self.paths.append(path)
        csv.writer(self._text).writerow(self._head)

    def _close(self) -> None:
        if self._text is not None and self._archive is not None:
            self._text.close()
            self._archive.close()
        self._text = self._archive = None
