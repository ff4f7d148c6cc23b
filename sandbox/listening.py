"""Where a local server is found: each of its applications on a port, and so an origin, of its own."""

from __future__ import annotations

from contextlib import AsyncExitStack

from aiohttp import web


class Origins:
    """Every application that listens, until all are closed together."""

    def __init__(self, *, patience: float) -> None:
        """A client that is still downloading when the server goes gets no more than *patience* seconds."""
        self._patience = patience
        self._runners: list[web.AppRunner] = []

    async def open(self, app: web.Application, host: str, port: int = 0) -> str:
        """Listen, on a free port for 0, and return the origin. Raises OSError when the address cannot be had."""
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=self._patience)
        self._runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, host, port).start()
        return f"http://{host}:{runner.addresses[0][1]}"

    async def close(self) -> None:
        """Stop listening. Safe to repeat."""
        async with AsyncExitStack() as last:  # everything is closed even when a part of it cannot be
            for runner in self._runners:
                last.push_async_callback(runner.cleanup)
            self._runners = []
