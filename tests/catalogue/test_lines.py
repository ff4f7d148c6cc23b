"""The line of a key, which is where somebody looks for a mistake."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.catalogue.lines import key_lines, line_of
from bot.catalogue.loader import OWN_FOLDER

TRICKY = '''\
# [not a table]
plain = 1 # a = 2
"quoted key" = "a \\" ] } # not a comment"
'literal' = 'c:\\'
dotted . key = { a = 1, "b" = [1, 2], c.d = "x" }
long = """
[still.text]
a = 1 \\""" ""
"""
raw = \'\'\'
"]
\'\'\'\'
many = [
    "one", # [
    { a = 1 },

    [2,
     3],
]

[ table . "sub" ]
x = 1979-05-27T07:32:00Z
[[list]]
a = 1
[[list]]
a = 2
[list.deep]
b = -0.5
'''


def paths(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if path:
        yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from paths(inner, (*path, key))
    if isinstance(value, list):
        for number, inner in enumerate(value):
            yield from paths(inner, (*path, number))


def test_every_key_of_a_tricky_file_has_its_line() -> None:
    lines = key_lines(TRICKY)

    assert {path: lines[path] for path in lines if path in set(paths(tomllib.loads(TRICKY)))} == {
        ("plain",): 2,
        ("quoted key",): 3,
        ("literal",): 4,
        ("dotted",): 5,
        ("dotted", "key"): 5,
        ("dotted", "key", "a"): 5,
        ("dotted", "key", "b"): 5,
        ("dotted", "key", "b", 0): 5,
        ("dotted", "key", "b", 1): 5,
        ("dotted", "key", "c"): 5,
        ("dotted", "key", "c", "d"): 5,
        ("long",): 6,
        ("raw",): 10,
        ("many",): 13,
        ("many", 0): 14,
        ("many", 1): 15,
        ("many", 1, "a"): 15,
        ("many", 2): 17,
        ("many", 2, 0): 17,
        ("many", 2, 1): 18,
        ("table", "sub"): 21,
        ("table", "sub", "x"): 22,
        ("list",): 23,
        ("list", 0): 23,
        ("list", 0, "a"): 24,
        ("list", 1): 25,
        ("list", 1, "a"): 26,
        ("list", 1, "deep"): 27,
        ("list", 1, "deep", "b"): 28,
    }


@pytest.mark.parametrize("file", sorted(OWN_FOLDER.glob("*.toml")), ids=lambda file: file.stem)
def test_the_line_of_every_key_of_our_own_files_holds_that_key(file: Path) -> None:
    text = file.read_text("utf-8")
    rows = text.splitlines()
    lines = key_lines(text)

    for path in paths(tomllib.loads(text)):
        name = next(part for part in reversed(path) if isinstance(part, str))
        if isinstance(path[-1], str):
            assert name in rows[lines[path] - 1]
        else:
            assert lines[path] >= lines[path[:-1]]


def test_a_key_that_is_not_there_stands_where_its_table_does() -> None:
    lines = key_lines("a = 1\n\n[b]\nc = 2\n")

    assert line_of(("b", "missing", "deeper"), lines) == 3
    assert line_of(("missing",), lines) == 1
    assert line_of((), lines) == 1


def test_an_empty_file_has_no_keys() -> None:
    assert key_lines("") == {}
    assert key_lines("# nothing") == {}
