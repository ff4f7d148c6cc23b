"""What the documents say is so: settings, commands, models, permissions, links, make targets and examples."""

from __future__ import annotations

import asyncio
import functools
import importlib
import os
import pkgutil
import re
import sys
import tomllib
import warnings
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

with warnings.catch_warnings():
    # On Python 3.11 and 3.12 the library imports audioop, which 3.13 has dropped.
    warnings.simplefilter("ignore", DeprecationWarning)
    import discord
    from discord import app_commands
    from discord.ext import commands

import cogs
from bot import __main__ as command_line
from bot import providers
from bot.catalogue import loader
from bot.catalogue.document import document
from bot.client import permissions
from bot.domain.quotas import DEFAULT_ALLOWANCE
from bot.settings import ACTIVE, SECRETS, Settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"
CODE_BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def section(title: str, text: str = README) -> str:
    """What stands under a heading, up to the next one of the same rank."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found is not None, f"no section {title!r}"
    return found[1]


def rows(text: str) -> list[list[str]]:
    """The cells of the tables in *text*, without their heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    rulers = {number for number, row in enumerate(cells) if not set("".join(row)) - set("-: ")}
    return [row for number, row in enumerate(cells) if number not in rulers and number + 1 not in rulers]


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def block(document: Path, language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```$", document.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert found is not None, f"no {language} example in {document.name}"
    return found[1]


def registered() -> dict[str, app_commands.Command[commands.Cog, ..., object]]:
    """Every slash command of every cog, by the name that members type."""
    found: dict[str, app_commands.Command[commands.Cog, ..., object]] = {}
    for module in pkgutil.walk_packages(cogs.__path__, "cogs."):
        for cog in vars(importlib.import_module(module.name)).values():
            if isinstance(cog, type) and issubclass(cog, commands.Cog) and cog.__module__ == module.name:
                group = f"{cog.__cog_group_name__} " if cog.__cog_is_app_commands_group__ else ""
                for command in cog.__cog_app_commands__:
                    assert isinstance(command, app_commands.Command), "a group inside a group needs its own rows"
                    found[f"/{group}{command.name}"] = command
    return found


REGISTERED = registered()


# Settings


def test_the_configuration_table_names_every_setting_once_and_nothing_else() -> None:
    names = [code(row[0])[0] for row in rows(section("Configuration"))]

    assert sorted(names) == sorted(ACTIVE)


def test_the_configuration_table_shows_the_real_defaults() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")  # Itself held against the settings.
    defaults = dict(re.findall(r"^(?:# )?([A-Z0-9_]+)=(.*)$", example, re.MULTILINE))
    required = {name.upper() for name, field in Settings.model_fields.items() if field.is_required()}

    for cell, shown, _ in rows(section("Configuration")):
        name = code(cell)[0]
        if name in required:
            assert shown == "**required**"
        elif defaults[name]:
            assert code(shown) == [defaults[name]], name
        else:
            assert shown, name
            assert not code(shown), f"{name} has no fixed default"


def test_readme_names_the_settings_that_may_be_files() -> None:
    before_table = section("Configuration").partition("|")[0]

    assert {name for name in code(before_table) if name in ACTIVE} == set(SECRETS)


# Commands


def test_the_command_table_names_every_command_once_and_nothing_else() -> None:
    names = [code(row[0])[0] for row in rows(section("Commands"))]

    assert sorted(names) == sorted(REGISTERED)


def test_the_row_of_video_names_its_options() -> None:
    row = next(row for row in rows(section("Commands")) if row[0] == "`/video`")

    assert code(row[2]) == [option.name for option in REGISTERED["/video"].parameters]


# The groups that Discord offers to those who may manage the server.
STAFF = ("/export", "/quota ", "/server ", "/moderate ", "/stats", "/words ")


def test_staff_commands_are_the_ones_that_discord_hides_from_others() -> None:
    staff = {code(row[0])[0] for row in rows(section("Commands")) if row[1] == "staff"}

    assert staff == {name for name in REGISTERED if name.startswith(STAFF)}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_commands_in_running_text_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    groups = {name.split()[0] for name in REGISTERED}

    # `/quota` alone means the group; with a second word it must be one of its commands.
    for typed in re.findall(r"`(/[a-z]+(?: [a-z]+)?)(?=[ `])", text):
        if typed.split()[0] in groups and " " in typed:
            assert typed in REGISTERED, typed


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_commands_of_the_shell_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")

    used = set(re.findall(r"python -m bot ([a-z]+)", text))

    assert used <= set(command_line.COMMANDS)


def test_the_exit_codes_are_the_real_ones() -> None:
    ours = {str(code) for name, code in vars(command_line).items() if name.startswith("EX_")}
    everybodys = {"0", "1", "2", "130"}

    assert {row[0] for row in rows(section("Operating")) if row[0].isdecimal()} == ours | everybodys


@pytest.mark.parametrize("document", ["README.md", "compose.yaml", "docs/architecture.md"])
def test_both_paths_that_strangers_may_reach_are_named(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")

    assert "/callbacks/" in text
    assert "/videos/" in text


# Models


def test_the_list_of_models_is_the_catalogue() -> None:
    written = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")

    assert written == document(loader.load().catalogue), "run `make models`"


def test_readme_names_every_family_and_the_default() -> None:
    models = loader.load().catalogue.models.values()
    told = section("Models")

    assert {model.family for model in models if model.family not in told} == set()
    assert all(f"`{model.id}`" in told for model in models if model.is_default)


def test_the_allowance_that_readme_warns_of_is_the_real_one() -> None:
    assert f"which is {DEFAULT_ALLOWANCE} credits a day" in README


def test_the_example_of_a_catalogue_file_is_a_valid_one(tmp_path: Path) -> None:
    (tmp_path / "clip-one.toml").write_text(block(ROOT / "docs" / "catalogue.md", "toml"), encoding="utf-8")

    loaded = loader.load(tmp_path)

    assert loaded.problems == []
    assert "clip-one" in loaded.catalogue.models


# The invitation


def invitation() -> dict[str, list[str]]:
    found = re.search(r"https://discord\.com/oauth2/authorize\S+", README)
    assert found is not None
    return parse_qs(urlsplit(found[0]).query)


def documented_permissions() -> list[str]:
    return [name for name, _ in rows(section("Set it up for a real server"))]


def test_the_invitation_asks_for_exactly_the_documented_permissions() -> None:
    flags = [
        name.lower().replace(" ", "_").replace("view_channels", "view_channel") for name in documented_permissions()
    ]

    wanted = discord.Permissions(**dict.fromkeys(flags, True))

    assert invitation()["permissions"] == [str(wanted.value)]
    assert invitation()["scope"] == ["bot applications.commands"]


def test_the_documented_permissions_are_those_that_the_bot_checks_and_the_history() -> None:
    # Discord calls the right "View Channels" for a server and "View Channel" in a channel.
    checked = {
        permissions.VIEW_CHANNEL + "s",
        permissions.SEND_MESSAGES,
        permissions.SEND_MESSAGES_IN_THREADS,
        permissions.ATTACH_FILES,
        permissions.EMBED_LINKS,
    }

    assert set(documented_permissions()) == {*checked, "Read Message History"}


# Links, targets, paths


def anchors(document: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", CODE_BLOCK.sub("", document.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(document: Path) -> Iterator[str]:
    text = CODE_BLOCK.sub("", document.read_text(encoding="utf-8"))
    yield from (link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_relative_links_lead_somewhere(document: Path) -> None:
    for link in links(document):
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("document", [*DOCUMENTS, WORKFLOW], ids=lambda path: path.name)
def test_make_targets_exist(document: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    text = document.read_text(encoding="utf-8")

    # In code only: "make" is also a word.
    used = set(re.findall(r"(?:`|^|^ +- run: )make ([a-z]+)", text, re.MULTILINE))

    assert used <= targets


def test_contributing_names_every_make_target() -> None:
    targets = re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)

    named = re.findall(r"^\| `make ([a-z]+)` \|", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE)

    assert set(named) == set(targets) - {"help"}


def test_contributing_names_every_place_that_catches_everything() -> None:
    files = [path for folder in ("bot", "cogs") for path in (ROOT / folder).rglob("*.py")]
    catching = {
        path.relative_to(ROOT).as_posix()
        for path in files
        if re.search(r"except Exception\b", path.read_text(encoding="utf-8"))
    }
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    [sentence] = [line for line in text.split("\n- ") if line.startswith("In the product `except Exception`")]

    assert set(re.findall(r"`((?:bot|cogs)/[\w./]+)`", sentence)) == catching


def test_every_local_server_is_described() -> None:
    servers = {f"sandbox/{path.name}/" for path in (ROOT / "sandbox").glob("*_server")}
    text = (ROOT / "docs" / "sandbox.md").read_text(encoding="utf-8")

    assert set(re.findall(r"`(sandbox/\w+_server/)`", text)) == servers


def test_the_public_checks_run_pinned_actions_that_may_only_read() -> None:
    used = re.findall(r"uses: (\S+)", WORKFLOW.read_text(encoding="utf-8"))

    assert used
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action) for action in used)
    assert re.search(r"^permissions:\n  contents: read\n\n", WORKFLOW.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_files_that_are_named_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")

    for path in re.findall(r"`((?:bot|cogs|sandbox|tests|docs|benchmarks)/[\w./-]*)`", text):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_tests_that_are_named_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")

    named = set(re.findall(r"`(test_\w+)`", text))

    assert named <= all_tests()


@functools.cache
def all_tests() -> set[str]:
    files = (path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    return {name for text in files for name in re.findall(r"^(?:async )?def (test_\w+)\(", text, re.MULTILINE)}


def test_the_limits_that_are_kept_at_each_vendor_are_the_real_ones() -> None:
    modules = [
        importlib.import_module(each.name) for each in pkgutil.iter_modules(providers.__path__, "bot.providers.")
    ]
    terms = [each.TERMS for each in modules if hasattr(each, "TERMS")]
    kept = {(t.creates, t.creates_window.total_seconds(), t.running, t.queries_per_second) for t in terms}
    text = (ROOT / "docs" / "providers.md").read_text(encoding="utf-8").replace("a minute", "in 60 s")

    told = re.findall(
        r"Limits used \| (\d+) create calls in ([\d.]+) s[^|]*?, (\d+) tasks at once, (\d+) questions per second", text
    )

    assert len(told) == text.count("Limits used")
    assert {(int(creates), float(window), int(tasks), int(asked)) for creates, window, tasks, asked in told} == kept


def test_every_decision_record_is_listed() -> None:
    folder = ROOT / "docs" / "adr"

    listed = re.findall(r"\]\((\d{4}-[^)]+)\)", (folder / "README.md").read_text(encoding="utf-8"))

    assert listed == sorted(path.name for path in folder.glob("[0-9]*.md"))


def test_the_oldest_python_that_is_promised_is_the_one_required() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert project["requires-python"] == ">=3.11"
    assert "Python 3.11 or newer" in README
    assert "Python 3.11 or newer" in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


# Examples that run


async def test_the_example_of_the_sandbox_prints_what_it_says(tmp_path: Path) -> None:
    document = ROOT / "docs" / "sandbox.md"
    program = tmp_path / "example.py"
    program.write_text(block(document, "python"), encoding="utf-8")

    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(program),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(90):
        output, _ = await process.communicate()

    printed = output.decode().strip()
    assert process.returncode == 0, printed
    assert f"It prints `{printed}`." in document.read_text(encoding="utf-8")
