"""What more model files and more providers cost at the start: all of them beside a tenth of them, and beside one.

"Ours" is the bot with everything, the "baseline" the same bot with little; the ratio is how much the start has grown.
Processor time, because a start waits for nothing, and time by the clock, because that is what a host sees. Both vary
more from one start to the next than the files cost, so the two bots take turns many times.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.contenders import Contender
from benchmarks.table import Row
from bot.catalogue import loader
from bot.domain.models import VideoModel
from bot.providers import registry
from sandbox.bot_process import INHERITED, REPOSITORY

# The one provider whose key most hosts have.
ONE = ("KIE_API_KEY",)
SHARE = 10

ROWS = (
    Row("files time", f"start with all model files (baseline: a {SHARE}th of them), processor time", "ms"),
    Row("files clock", "the same, by the clock", "ms"),
    Row("files memory", "the same, memory", "MiB"),
    Row("keys time", "start with all providers set up (baseline: Kie alone), processor time", "ms"),
    Row("keys clock", "the same, by the clock", "ms"),
    Row("keys memory", "the same, memory", "MiB"),
)


async def play(contender: Contender) -> Mapping[str, float]:
    """One round: two starts."""
    is_little = contender is Contender.BASELINE
    with tempfile.TemporaryDirectory(prefix="cutscene-bench-growth-") as name:
        files = await _start(Path(name, "files"), ONE, SHARE if is_little else 1)
        keys = sorted({entry.key for entry in registry.ENTRIES.values()})
        providers = await _start(Path(name, "keys"), ONE if is_little else keys, 1)
    return {f"files {key}": value for key, value in files.items()} | {
        f"keys {key}": value for key, value in providers.items()
    }


async def _start(folder: Path, keys: Sequence[str], share: int) -> Mapping[str, float]:
    copy_models(folder, share)
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.opening",
        str(folder),
        *keys,
        cwd=folder,  # Not the repository: a real `.env` may lie there.
        env={**{name: os.environ[name] for name in INHERITED if name in os.environ}, "PYTHONPATH": str(REPOSITORY)},
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    took = time.perf_counter() - began
    found = json.loads(output)
    memory = {} if found["kibibytes"] is None else {"memory": found["kibibytes"] / 1024}
    return {"time": found["seconds"] * 1000, "clock": took * 1000, **memory}


def copy_models(folder: Path, share: int) -> None:
    """Every model, or one in *share*; of those only models that name no other one, which might be missing."""
    folder.mkdir()
    models: Sequence[VideoModel] = list(loader.load().catalogue.models.values())
    alone = [model for model in models if model.successor is None]
    for model in models if share == 1 else alone[: len(models) // share]:
        shutil.copy(loader.OWN_FOLDER / f"{model.id}.toml", folder)
