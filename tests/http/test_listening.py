"""The bot's HTTP server, over a real socket: it starts and closes."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import CollectorRegistry

from bot.domain.ids import JobId, TaskId
from bot.errors import ConfigurationError
from bot.http import HTTPServer
from tests.http.making import HandClock, House, RecordedCallbacks, RecordedHealth


def server_on(port: int, host: str = "127.0.0.1") -> HTTPServer:
    return HTTPServer(
        host=host,
        port=port,
        health=RecordedHealth(),
        callbacks=RecordedCallbacks(),
        registry=CollectorRegistry(),
        clock=HandClock(),
    )


async def test_taken_port_is_one_line_that_names_the_setting(house: House) -> None:
    second = server_on(house.server.port)

    with pytest.raises(ConfigurationError) as caught:
        await second.start()

    assert caught.value.problems == [
        f"HTTP_PORT: {house.server.port} on 127.0.0.1 is taken by another program. "
        "Choose another port, or 0 for any free one."
    ]
    assert (await house.ask("GET", "/healthz"))[0] == 200


async def test_foreign_address_is_one_line_that_names_the_setting() -> None:
    # TEST-NET-1 (RFC 5737): no machine has it.
    with pytest.raises(ConfigurationError) as caught:
        await server_on(0, host="192.0.2.1").start()

    assert caught.value.problems == ["HTTP_HOST: 192.0.2.1 is no address of this machine. Example: 127.0.0.1"]


async def test_closed_server_gives_its_port_back_and_may_start_again() -> None:
    server = server_on(0)
    await server.start()
    port = server.port

    await server.close()
    await server.close()

    with pytest.raises(RuntimeError):
        _ = server.port
    again = server_on(port)
    await again.start()
    assert again.port == port
    await again.close()


async def test_callback_that_is_being_stored_is_answered_before_the_server_closes(house: House) -> None:
    arrived, may_end = asyncio.Event(), asyncio.Event()

    async def slow(job_id: JobId, secret: str, task_id: TaskId) -> bool:
        arrived.set()
        return await may_end.wait()

    house.callbacks.hint = slow  # type: ignore[method-assign]  # A commit that takes its time.

    async with asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(house.call_back())
        await arrived.wait()
        closing = tasks.create_task(house.server.close())
        may_end.set()

    assert asked.result() == 200
    assert closing.done()
