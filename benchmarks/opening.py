"""`python -m benchmarks.opening FOLDER KEY...`: what a start loads, with these model files and these providers."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path


def main(folder: Path, keys: Sequence[str]) -> None:
    """Print the processor time and the memory of this process after it."""
    from bot import app  # noqa: F401, PLC0415 - to be measured, too
    from bot.catalogue import loader  # noqa: PLC0415 - to be measured, too
    from bot.ports import SystemClock  # noqa: PLC0415 - to be measured, too
    from bot.providers import registry  # noqa: PLC0415 - to be measured, too
    from bot.settings import load_settings  # noqa: PLC0415 - to be measured, too

    settings = load_settings(
        {"DISCORD_TOKEN": "key-of-nobody-0123456789", **dict.fromkeys(keys, "key-of-nobody-0123456789")}, env_file=None
    )
    loaded = loader.load_folders(folder)
    adapters = registry.build(settings, SystemClock())
    if loaded.problems or not adapters or not loaded.catalogue.models:
        raise AssertionError("this is not the start that was to be measured")
    lines = Path("/proc/self/status").read_text().splitlines() if Path("/proc/self/status").exists() else []
    resident = [int(line.split()[1]) for line in lines if line.startswith("VmRSS:")]
    print(json.dumps({"seconds": time.process_time(), "kibibytes": resident[0] if resident else None}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
