"""Files for spreadsheets: nothing that people wrote is run in them, and each is small enough to be sent."""

from __future__ import annotations

import csv
import io
import random
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.media.spreadsheets import Spreadsheet, cell


def rows_of(path: Path) -> list[list[str]]:
    with zipfile.ZipFile(path) as archive:
        (name,) = archive.namelist()
        return list(csv.reader(io.StringIO(archive.read(name).decode("utf-8-sig"))))


@pytest.mark.parametrize(
    "written",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://evil.test","x")', "=cmd|' /C calc'!A0"],
)
def test_what_looks_like_a_formula_is_text(written: str, tmp_path: Path) -> None:
    with Spreadsheet(tmp_path, "jobs", ("prompt",), 10_000_000) as sheet:
        sheet.write([(written,)])

    (_, (shown,)) = rows_of(sheet.paths[0])
    assert shown == f"'{written}"


def test_numbers_of_ours_stay_numbers_and_ids_are_not_rounded() -> None:
    assert cell(-124) == -124
    assert cell(1_234_567_890_123_456_789) == "'1234567890123456789"
    assert cell(None) == ""
    assert cell(datetime(2026, 11, 20, 12, tzinfo=UTC)) == "2026-11-20T12:00:00+00:00"
    assert cell("a red fox") == "a red fox"


def test_lines_quotes_and_letters_of_all_alphabets_come_through(tmp_path: Path) -> None:
    wild = 'a "fox",\nлиса; 狐狸\r\n🦊'
    with Spreadsheet(tmp_path, "jobs", ("prompt",), 10_000_000) as sheet:
        sheet.write([(wild,)])

    assert rows_of(sheet.paths[0]) == [["prompt"], [wild]]


def test_a_file_that_is_full_is_followed_by_another(tmp_path: Path) -> None:
    limit = 1_000_000
    noise = random.Random(7)
    rows = [(number, noise.randbytes(300).hex()) for number in range(10_000)]
    with Spreadsheet(tmp_path, "jobs", ("job", "prompt"), limit) as sheet:
        for start in range(0, len(rows), 500):
            sheet.write(rows[start : start + 500])

    assert len(sheet.paths) > 2
    assert all(path.stat().st_size <= limit for path in sheet.paths)
    read = [row for path in sheet.paths for row in rows_of(path)[1:]]
    assert read == [[str(number), text] for number, text in rows]
    assert all(rows_of(path)[0] == ["job", "prompt"] for path in sheet.paths)
