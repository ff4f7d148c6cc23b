"""Has charts drawn, one at a time, by a process that holds nothing afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from bot import logs
from bot.domain.charts import Chart
from bot.media import charting

log = logs.get(__name__)

PATIENCE = timedelta(seconds=20)


class Pencil:
    """A drawing process that is ready, or getting ready."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def draw(self, chart: Chart) -> bytes | None:
        """The PNG; None when it could not be drawn, which the log tells."""
        try:
            async with asyncio.timeout(PATIENCE.total_seconds()):
                png, _ = await self._process.communicate(chart.as_json())
        except TimeoutError:
            log.warning("chart_too_slow")
            return None
        if self._process.returncode != 0 or not png:
            log.warning("chart_not_drawn", exit_code=self._process.returncode)
            return None
        return png


class Charts:
    """Draws charts. *cache* is a folder of ours in which the drawing library keeps its list of fonts."""

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def pencil(self) -> AsyncIterator[Pencil]:
        """Start a process now, so that it loads what it needs while the numbers are still being counted."""
        async with self._turn:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                charting.__file__,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={"MPLCONFIGDIR": str(self._cache), "PATH": os.defpath, "OPENBLAS_NUM_THREADS": "1"},
            )
            try:
                yield Pencil(process)
            finally:
                if process.returncode is None:
                    with contextlib.suppress(ProcessLookupError):
                        process.kill()
                    await process.wait()
