"""The files for the host's machine agree with the code and keep their promises; no container engine is needed."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web

from bot.settings import ACTIVE, PROVIDER_KEYS, SECRETS, Settings, load_settings

ROOT = Path(__file__).parent.parent
EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE = (ROOT / "compose.yaml").read_text(encoding="utf-8")
SETTING = re.compile(r"^(# )?([A-Z][A-Z0-9_]+)=(.*)$", re.MULTILINE)
# One provider's key is needed, and Kie's is the one that a new host is asked for.
REQUIRED = {name.upper() for name, field in Settings.model_fields.items() if field.is_required()} | {PROVIDER_KEYS[0]}


def instructions(text: str) -> list[tuple[str, str]]:
    """(instruction, arguments) of a Dockerfile, with continued lines joined and comments dropped."""
    lines = "\n".join(line for line in text.splitlines() if line.strip() and not line.startswith("#"))
    parts = (line.split(None, 1) for line in lines.replace("\\\n", " ").splitlines())
    return [(name, " ".join(rest.split())) for name, rest in parts]


STEPS = instructions(DOCKERFILE)
FINAL = STEPS[max(index for index, (name, _) in enumerate(STEPS) if name == "FROM") :]


def of(name: str, steps: list[tuple[str, str]]) -> list[str]:
    return [rest for step, rest in steps if step == name]


def copied_from_here() -> list[str]:
    return [
        source.rstrip("/")
        for rest in of("COPY", STEPS)
        if not rest.startswith("--from")
        for source in rest.split()[:-1]
    ]


def settings_of_compose() -> list[str]:
    """The lines of compose.yaml without comments and indentation."""
    return [line.strip() for line in COMPOSE.splitlines() if line.strip() and not line.strip().startswith("#")]


# .env.example


def test_example_names_every_setting_once_and_nothing_else() -> None:
    names = [name for _, name, _ in SETTING.findall(EXAMPLE)]

    assert sorted(names) == sorted(ACTIVE)


def test_example_leaves_open_exactly_what_is_required() -> None:
    opened = {name: value for mark, name, value in SETTING.findall(EXAMPLE) if not mark}

    assert opened == dict.fromkeys(REQUIRED, "")


def test_example_shows_the_real_defaults(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text(SETTING.sub(r"\2=\3", EXAMPLE), encoding="utf-8")
    required = dict.fromkeys(REQUIRED, "a-real-one-1")

    assert load_settings(required, env_file) == load_settings(required, None)


def test_example_explains_each_setting_in_the_line_above() -> None:
    lines = EXAMPLE.splitlines()

    for above, line in itertools.pairwise(lines):
        if SETTING.match(line):
            assert re.match(r"# [A-Z\w].{20,}\.$", above), line
            assert not SETTING.match(above), line


def test_example_names_every_setting_that_may_be_a_file() -> None:
    head = EXAMPLE.partition("##")[0]

    assert all(name in head for name in SECRETS)


@pytest.mark.parametrize("name", [".env.example", "Dockerfile", "compose.yaml"])
def test_no_file_holds_a_secret(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")

    for secret in SECRETS:
        assert not re.search(rf"^\W*(?:ENV |ARG )?{secret}(?:=|: )\S", text, re.MULTILINE)


# Dockerfile


def test_image_is_built_in_two_stages_from_one_slim_base() -> None:
    assert of("ARG", STEPS)[0] == "PYTHON_IMAGE=python:3.12-slim"
    assert of("FROM", STEPS) == ["${PYTHON_IMAGE} AS build", "${PYTHON_IMAGE}"]


def test_image_holds_the_product_and_nothing_else_of_this_folder() -> None:
    assert sorted(copied_from_here()) == ["bot", "cogs", "requirements-dev.lock", "requirements.lock"]
    assert not of("ADD", STEPS)
    assert all(rest.startswith("--from=build ") for rest in of("COPY", FINAL))
    assert all((ROOT / source).exists() for source in copied_from_here())


@pytest.mark.skipif(not (ROOT / ".git").exists() or shutil.which("git") is None, reason="not a git checkout")
def test_image_is_made_of_committed_paths() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--", *copied_from_here()],  # noqa: S607 - git from the PATH, found above
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )

    assert {line.partition("/")[0] for line in listed.stdout.splitlines()} == set(copied_from_here())


def test_builder_sees_only_what_is_copied() -> None:
    rules = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [rule for rule in rules if rule and not rule.startswith("#")]

    assert rules[0] == "*"
    assert sorted(rule[1:].rstrip("/") for rule in rules if rule.startswith("!")) == sorted(copied_from_here())
    assert "**/.env*" in rules


def test_everything_is_installed_from_the_locks_with_hashes() -> None:
    build = of("RUN", STEPS)[0]

    assert "pip install --require-hashes -r /tmp/uv.lock" in build
    assert "uv pip sync --python /venv/bin/python --require-hashes --compile-bytecode requirements.lock" in build
    assert len(re.findall(r"\b(?:pip install|pip sync|apt-get|curl|wget)\b", DOCKERFILE)) == 2


def test_uv_is_cut_out_of_the_lock_with_all_its_hashes() -> None:
    script = re.search(r"sed -n '([^']+)' requirements-dev\.lock", DOCKERFILE)
    assert script

    cut = subprocess.run(
        ["sed", "-n", script[1], "requirements-dev.lock"],  # noqa: S607 - every machine with make has sed
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()

    assert cut[0].startswith("uv==")
    assert len(cut) > 2
    assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}(?: \\)?", line) for line in cut[1:])
    assert not cut[-1].endswith("\\")


def test_image_runs_as_nobody_special_and_stops_politely() -> None:
    names = [name for name, _ in FINAL]

    assert of("USER", FINAL) == ["10001:10001"]
    assert names.index("RUN") < names.index("USER") < names.index("ENTRYPOINT")
    assert of("STOPSIGNAL", FINAL) == ["SIGTERM"]
    assert of("ENTRYPOINT", FINAL) == ['["python", "-m", "bot"]']
    assert of("WORKDIR", FINAL) == ["/app"]


def test_image_sets_what_belongs_to_a_container_in_names_that_exist() -> None:
    given = dict(pair.split("=", 1) for rest in of("ENV", FINAL) for pair in rest.split())
    ours = {name: value for name, value in given.items() if name in ACTIVE}

    settings = load_settings(dict.fromkeys(REQUIRED, "a-real-one-1") | ours, None)

    assert given["PYTHONDONTWRITEBYTECODE"] == "1"
    assert ours == {"DATA_DIR": "/data", "HTTP_HOST": "0.0.0.0", "LOG_FORMAT": "json"}  # noqa: S104 - in a container
    assert of("VOLUME", FINAL) == [str(settings.data_dir)]
    assert of("EXPOSE", FINAL) == [str(settings.http_port)]


@pytest.fixture
def unused_port() -> Iterator[int]:
    """A port that is taken but not listened on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def health_check() -> list[str]:
    [rest] = of("HEALTHCHECK", FINAL)
    command = json.loads(rest.partition("CMD ")[2])
    assert command[0] == "python"
    return [sys.executable, *command[1:]]


@pytest.mark.parametrize(("status", "exit_code"), [(200, 0), (503, 1)])
async def test_health_check_of_the_image_asks_the_server(status: int, exit_code: int) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=status)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        environ = {"HTTP_PORT": str(runner.addresses[0][1]), "http_proxy": "http://127.0.0.1:1"}
        checking = await asyncio.create_subprocess_exec(*health_check(), env=environ)
        code = await checking.wait()
    finally:
        await runner.cleanup()

    assert asked == ["/healthz"]
    assert code == exit_code


async def test_health_check_of_the_image_fails_when_nobody_listens(unused_port: int) -> None:
    checking = await asyncio.create_subprocess_exec(
        *health_check(), env={"HTTP_PORT": str(unused_port)}, stderr=asyncio.subprocess.DEVNULL
    )

    assert await checking.wait() == 1


# compose.yaml


@pytest.mark.parametrize(
    "line",
    [
        "restart: unless-stopped",
        "env_file: .env",
        "read_only: true",
        "- ALL",
        "- no-new-privileges:true",
        '- "127.0.0.1:8080:8080"',
        "- data:/data",
        "DATA_DIR: /data",
        "HTTP_HOST: 0.0.0.0",
        "init: true",
    ],
)
def test_container_is_kept_small(line: str) -> None:
    assert settings_of_compose().count(line) == 1


def test_container_has_one_volume_and_a_small_tmp() -> None:
    lines = settings_of_compose()

    assert lines[-2:] == ["volumes:", "data:"]
    assert len([line for line in lines if re.match(r"- [\w./]+:/", line) and "/tmp" not in line]) == 1  # noqa: S108
    assert any(line.startswith("- /tmp:size=") for line in lines)
    assert any(re.fullmatch(r"stop_grace_period: \d+s", line) for line in lines)


@pytest.mark.parametrize("word", ["privileged", "network_mode", "docker.sock", "user: root", "cap_add"])
def test_container_gets_no_rights_beyond_its_own(word: str) -> None:
    assert word not in COMPOSE


def test_container_settings_have_names_that_exist() -> None:
    block = re.search(r"    environment:\n((?:      .*\n)+)", COMPOSE)
    assert block

    names = re.findall(r"^ +([A-Z_]+): ", block[1], re.MULTILINE)

    assert set(names) <= ACTIVE
    assert set(names) == {"DATA_DIR", "HTTP_HOST", "HTTP_PORT"}
