"""What a start loads: the adapters that the host has set up, and nothing more with more model files."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.growth import SHARE, copy_models
from bot.providers import registry
from sandbox.bot_process import REPOSITORY

CODE = """
import json, sys
from pathlib import Path
from benchmarks import opening
opening.main(Path(sys.argv[1]), sys.argv[2:])
print(json.dumps(sorted(sys.modules)))
"""
KIE = "KIE_API_KEY"
# By the first words of the names of their modules; the host sets up each of these by a key of its own.
OTHERS = ("google", "openai", "xai", "replicate", "huggingface", "imgbb", "chat", "moderations", "buckets", "bucket_")
# Needed by one command, by one kind of result or by another database.
HEAVY = {"av", "matplotlib", "numpy", "openpyxl", "xlsxwriter", "asyncpg", "alembic"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy_models(tmp_path / "all", 1)
    copy_models(tmp_path / "few", SHARE)
    return tmp_path


async def modules(models: Path, keys: Sequence[str]) -> set[str]:
    """What a process has imported that builds the bot with these files and these keys."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CODE, str(models), *keys, cwd=REPOSITORY, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    found: list[str] = json.loads(output.splitlines()[-1])
    return set(found)


def adapters(names: set[str]) -> set[str]:
    prefix = "bot.providers."
    return {name for name in names if name.startswith(prefix) and name.removeprefix(prefix).startswith(OTHERS)}


async def test_start_with_one_provider_imports_no_adapter_of_another(folder: Path) -> None:
    found = await modules(folder / "all", [KIE])

    assert "bot.providers.kie_jobs" in found
    assert adapters(found) == set()
    assert found & HEAVY == set()


async def test_more_model_files_import_nothing_more(folder: Path) -> None:
    all_of_them, few = await modules(folder / "all", [KIE]), await modules(folder / "few", [KIE])

    assert all_of_them - few == set()


async def test_more_providers_import_only_what_is_theirs(folder: Path) -> None:
    keys = sorted({entry.key for entry in registry.ENTRIES.values()})

    more = await modules(folder / "few", keys) - await modules(folder / "few", [KIE])

    assert adapters(more)
    assert {name for name in more if not name.startswith("bot.providers.")} == set()
