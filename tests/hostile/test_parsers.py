"""Whatever the provider, a stranger, a member or a damaged file sends, it is read or refused in words of our own."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest

from bot.signatures import verify_kie_signature
from chaos.fuzz import CASES, fuzz, main, tried
from chaos.parsers import REQUESTS, TARGETS, Check, Target
from tests.fakes import NOON

# Enough to meet the usual damages in every field; `python -m chaos fuzz` goes on from there.
INPUTS = {"port": 150, "signed-port": 150, "catalogue": 60, "env": 120, "picture": 150}
BY_NAME = {target.name: target for target in TARGETS}
KEPT = {path.name: path.read_bytes() for path in sorted(CASES.glob("*.*"))}


@asynccontextmanager
async def _naive(_: Path) -> AsyncIterator[Check]:
    """The parser that one writes first, for bodies that are always as documented."""

    async def check(content: bytes) -> None:
        body = json.loads(content.partition(b"\r\n\r\n")[2])
        assert body["data"]["taskId"]

    yield check


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
async def test_damaged_inputs_are_read_or_refused(target: Target) -> None:
    tally = await fuzz(target, Random(20261121), inputs=INPUTS.get(target.name, 400))

    assert tally.findings == []


@pytest.mark.parametrize(("name", "content"), KEPT.items(), ids=KEPT.keys())
async def test_what_was_found_once_stays_mended(name: str, content: bytes, tmp_path: Path) -> None:
    async with BY_NAME[name.partition(".")[0]].opened(tmp_path) as check:
        assert await tried(check, content) is None


async def test_undamaged_inputs_are_good() -> None:
    async with BY_NAME["port"].opened(Path()) as check:
        assert [await tried(check, content) for content in REQUESTS] == [None] * len(REQUESTS)


async def test_parser_that_trusts_its_input_is_found_out(tmp_path: Path) -> None:
    tally = await fuzz(Target("port", REQUESTS[:1], _naive), Random(1), inputs=50, cases=tmp_path / "cases")

    assert len(tally.findings) >= 2
    assert len(list((tmp_path / "cases").iterdir())) == len(tally.findings)


def test_signature_headers_that_are_no_text_are_wrong_and_nothing_worse() -> None:
    """Found by the fuzzer: the server hands such bytes on as lone surrogates, which no encoder takes."""
    for timestamp, signature in (("\udcff", "YQ=="), ("1795176000", "\udcff"), ("\udcff", "\udcff")):
        assert not verify_kie_signature("key", "t-1", timestamp, signature, NOON)


def test_command_tries_every_target_and_says_what_it_tried(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seconds", "0.5", "--seed", "1", "--cases", str(tmp_path)]) == 0

    printed = capsys.readouterr().out
    assert all(target.name in printed for target in TARGETS)
    assert list(tmp_path.iterdir()) == []
