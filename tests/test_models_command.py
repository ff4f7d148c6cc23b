"""`python -m bot models`: what a host sees of the catalogue, and how it says what is wrong with a file."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot import __main__ as command_line
from bot import models_command
from bot.catalogue.loader import OWN_FOLDER, load
from sandbox.kie_server import KieServer, Limits


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(models_command, "PAUSE", 0)
    monkeypatch.delenv("DISCORD_TOKEN", raising=False)
    for name, value in {"KIE_API_KEY": "no-such-key", "DATA_DIR": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
async def kie(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[KieServer]:
    async with KieServer(seconds=3600, balance=100, limits=Limits(creates=None, running=None)) as server:
        monkeypatch.setenv("KIE_API_KEY", server.api_key)
        monkeypatch.setenv("KIE_API_URL", server.api_url)
        monkeypatch.setenv("KIE_UPLOAD_URL", server.upload_url)
        monkeypatch.setenv("ALLOW_PRIVATE_ADDRESSES", "true")
        yield server


def host_file(tmp_path: Path, name: str, text: str) -> Path:
    path = tmp_path / "catalogue" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_the_list_has_every_model_with_state_modes_and_price(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.main(["models", "list"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(load().catalogue.models)
    assert lines[0].split() == [
        "seedance-2-fast",
        "live",
        "text,",
        "image,",
        "reference",
        "from",
        "124",
        "credits",
        "(default)",
    ]
    without_key = next(line for line in lines if line.startswith("google-omni-1-2"))
    assert without_key.split()[1] == "live"
    assert without_key.endswith("(no key for google_omni)")


def test_one_model_is_shown_with_its_fields_and_prices(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.main(["models", "show", "Grok Imagine"]) == 0

    shown = capsys.readouterr().out
    assert "image: grok-imagine/image-to-video (never asked whether it is sold)" in shown
    assert "  style: normal, fun, spicy; left out: normal -> mode" in shown
    assert "  of finished videos by grok-imagine -> task_id" in shown
    assert "  30 credits a clip, duration 10, quality 720p" in shown


def test_a_model_that_does_not_exist_is_answered_with_the_closest(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.main(["models", "show", "seedence-2-fast"]) == 1

    assert "did you mean seedance-2-fast?" in capsys.readouterr().err


def test_right_files_are_called_right(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (OWN_FOLDER / "wan-2-5.toml").read_text("utf-8")
    host_file(tmp_path, "mine.toml", text.replace("wan/2-5", "wan/mine").replace("Wan 2.5", "Mine"))

    assert command_line.main(["models", "check"]) == 0

    assert capsys.readouterr().out == f"{len(load().catalogue.models) + 1} models are right\n"


def test_three_wrong_things_are_three_lines_with_file_and_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (OWN_FOLDER / "wan-2-5.toml").read_text("utf-8")
    wrong = text.replace("typical_seconds", "typical_secondz", 1).replace("order = 190", 'order = "first"', 1)
    path = host_file(tmp_path, "wan-2-5.toml", wrong)
    other = host_file(tmp_path, "other.toml", "name = ")

    assert command_line.main(["models", "check"]) == 1

    lines = capsys.readouterr().err.splitlines()
    number = wrong.splitlines().index('order = "first"') + 1
    assert any(line.startswith(f"{path}:{number}: `order`") for line in lines)
    assert any("`typical_secondz` is not a key that is known here; did you mean `typical_seconds`?" in x for x in lines)
    assert any(line.startswith(f"{other}:1: is not valid TOML") for line in lines)
    assert lines[-1] == f"{len(load().catalogue.models)} models are right; the files above are left out"


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("order = 190", "ordre = 190", "`ordre` is not a key that is known here; did you mean `order`?"),
        ('"1080p"]', '"1080p", "4k"]', '`quality` "4k" has no price in any combination'),
        ("default = 5", "default = 7", "the default 7 is not one of the choices of `duration`"),
        ("typical_seconds = ", 'typical_seconds = "soon" # ', "`typical_seconds`: input should be a valid integer"),
    ],
)
def test_each_kind_of_mistake_is_told_with_file_and_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], right: str, wrong: str, said: str
) -> None:
    text = (OWN_FOLDER / "wan-2-5.toml").read_text("utf-8")
    path = host_file(tmp_path, "wan-2-5.toml", text.replace(right, wrong, 1))
    line = text[: text.index(right)].count("\n") + 1

    assert command_line.main(["models", "check"]) == 1

    told = capsys.readouterr().err
    assert f"{path}:{line}: {said}" in told
    assert told.endswith(f"{len(load().catalogue.models)} models are right; the files above are left out\n")
    assert command_line.main(["models", "show", "wan-2-5"]) == 0, "ours is back"


def test_a_wrong_use_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command_line.main(["models", "shwo"])

    assert ended.value.code == 2
    assert "invalid choice: 'shwo'" in capsys.readouterr().err


async def test_a_probe_finds_what_is_switched_off_and_bills_nothing(
    kie: KieServer, capsys: pytest.CaptureFixture[str]
) -> None:
    kie.models.pause("wan/2-5-text-to-video")
    kie.models.resume("sora-2-text-to-video")
    kie.models.remove("kling-2.6/image-to-video")

    assert await in_thread(["models", "check", "--probe"]) == 1

    said = capsys.readouterr().err
    assert "wan-2-5: wan/2-5-text-to-video is switched off, and the file says live" in said
    assert "kling-2-6: kling-2.6/image-to-video is unknown there, and the file says live" in said
    assert "sora-2: sora-2-text-to-video is sold, and the file says retired" in said
    assert kie.tasks == []
    assert kie.account.balance == 100
    assert not any("grok-imagine/image-to-video" in request.body for request in kie.requests)


def test_list_show_and_check_need_neither_token_nor_key_and_make_no_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("KIE_API_KEY")
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "none"))

    listed = typed("list")
    codes = [command_line.main(["models", *act]) for act in (["show", "wan-2-5"], ["check"])]

    told = capsys.readouterr()
    assert (listed.returncode, codes, listed.stderr + told.err) == (0, [0, 0], "")
    assert len(listed.stdout.splitlines()) == len(load().catalogue.models)
    assert told.out.startswith("wan-2-5: Wan 2.5")
    assert told.out.endswith(f"{len(load().catalogue.models)} models are right\n")
    assert not (tmp_path / "none").exists()


def test_a_probe_without_any_key_names_the_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KIE_API_KEY")

    refused = typed("check", "--probe")

    assert refused.returncode == command_line.EX_CONFIG
    assert refused.stderr.startswith("KIE_API_KEY: is missing, and so is the key of every other provider (OPENAI_API")
    assert "Traceback" not in refused.stderr


def test_a_setting_that_is_wrong_is_named_all_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KIE_API_URL", "not an address")
    monkeypatch.setenv("KIE_API_KEE", "a slip of the finger")

    assert command_line.main(["models", "list"]) == command_line.EX_CONFIG

    assert {line.partition(":")[0] for line in capsys.readouterr().err.splitlines()} == {"KIE_API_URL", "KIE_API_KEE"}


def test_what_a_provider_cannot_be_asked_for_nothing_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("KIE_API_KEY")
    monkeypatch.setenv("HF_API_TOKEN", "no-such-key")

    assert command_line.main(["models", "check", "--probe"]) == 0

    assert capsys.readouterr().out.splitlines()[-2:] == [
        "none of the providers that have a key can be asked at no cost",
        "0 model strings were asked about",
    ]


def typed(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, as a host starts it."""
    return subprocess.run(
        [sys.executable, "-m", "bot", "models", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )


async def in_thread(arguments: list[str]) -> int:
    """The command has a loop of its own, and the local Kie runs in ours."""
    return await asyncio.to_thread(command_line.main, arguments)
