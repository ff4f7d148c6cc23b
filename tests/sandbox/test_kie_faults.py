"""The local Kie.ai fails on demand: codes, edge pages, lost and slow answers, and bad downloads."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from sandbox.kie_server import (
    Body,
    Call,
    Download,
    EdgePage,
    KieServer,
    Limits,
    LostAnswer,
    Refusal,
    Refusals,
    Scenario,
    Slow,
)
from sandbox.movies import padded
from tests.sandbox.vendors import HandClock

ORDER = {"model": "wan/3-0-video", "input": {"prompt": "A fox", "duration": 2, "resolution": "480P"}}


@pytest.fixture
async def kie(clock: HandClock) -> AsyncIterator[KieServer]:
    async with KieServer(clock=clock, seconds=60, limits=Limits(creates=None, records=None)) as server:
        yield server


async def ask(api: httpx.AsyncClient, kie: KieServer, call: Call) -> httpx.Response:
    match call:
        case Call.CREATE:
            return await api.post("/api/v1/jobs/createTask", json=ORDER)
        case Call.RECORD:
            return await api.get("/api/v1/jobs/recordInfo", params={"taskId": "0" * 32})
        case Call.UPGRADE:
            return await api.get("/api/v1/veo/get-1080p-video", params={"taskId": "veo_task_none"})
        case Call.CREDIT:
            return await api.get("/api/v1/chat/credit")
        case Call.DOWNLOAD_LINK:
            return await api.post("/api/v1/common/download-url", json={"url": f"{kie.result_url}/a.mp4"})
        case Call.UPLOAD:
            body = {"base64Data": "aGVsbG8=", "uploadPath": "images", "fileName": "a.txt"}
            return await api.post(f"{kie.upload_url}/api/file-base64-upload", json=body)
        case Call.RESULT:
            return await api.get(f"{kie.result_url}/a.mp4")
        case Call.CATALOGUE:
            return await api.get("/api/v1/playground/model-paths")


async def finished(api: httpx.AsyncClient, clock: HandClock, seconds: float = 60) -> str:
    """The address of a new task's video."""
    task_id = (await api.post("/api/v1/jobs/createTask", json=ORDER)).json()["data"]["taskId"]
    clock.advance(seconds)
    found = (await api.get("/api/v1/jobs/recordInfo", params={"taskId": task_id})).json()["data"]
    return str(json.loads(found["resultJson"])["resultUrls"][0])


CODES = [value for name, value in vars(Refusals).items() if not name.startswith("_")]


@pytest.mark.parametrize("refusal", CODES, ids=lambda refusal: f"{refusal.code} {refusal.text}")
@pytest.mark.parametrize("call", [Call.CREATE, Call.RECORD, Call.CREDIT, Call.UPLOAD, Call.RESULT])
async def test_any_call_can_be_answered_with_any_code(
    api: httpx.AsyncClient, kie: KieServer, call: Call, refusal: Refusal
) -> None:
    kie.faults.add(call, refusal)

    answer = await ask(api, kie, call)

    assert answer.status_code == 200
    assert (answer.json()["code"], answer.json()["msg"]) == (refusal.code, refusal.text)
    assert answer.json().get("success", False) is False
    assert kie.tasks == []


async def test_errors_carry_their_code_as_http_status_in_the_other_mode(api: httpx.AsyncClient, kie: KieServer) -> None:
    kie.has_http_status = True
    kie.faults.add(Call.CREATE, Refusals.KEY_CAP, Refusals.MAINTENANCE)

    answers = [await ask(api, kie, Call.CREATE) for _ in range(2)]
    answers.append(await ask(api, kie, Call.RECORD))

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(433, 433), (455, 455), (422, 422)]


async def test_wrong_key_is_401_everywhere_but_on_files_and_prices(kie: KieServer) -> None:
    async with httpx.AsyncClient(base_url=kie.api_url, headers={"Authorization": "Bearer wrong"}) as stranger:
        codes = {call: await ask(stranger, kie, call) for call in Call}

    guarded = {Call.CREATE, Call.RECORD, Call.UPGRADE, Call.CREDIT, Call.DOWNLOAD_LINK, Call.UPLOAD}
    for call, answer in codes.items():
        assert ("do not have access" in answer.text) is (call in guarded)


async def test_faults_come_in_order_and_as_often_as_asked(api: httpx.AsyncClient, kie: KieServer) -> None:
    kie.faults.add(Call.CREDIT, Refusals.TOO_MANY, Refusals.MAINTENANCE)
    kie.faults.add(Call.RECORD, Refusals.SERVER_ERROR, times=None)

    credit = [(await ask(api, kie, Call.CREDIT)).json()["code"] for _ in range(3)]
    record = [(await ask(api, kie, Call.RECORD)).json()["code"] for _ in range(3)]
    kie.faults.clear(Call.RECORD)
    record.append((await ask(api, kie, Call.RECORD)).json()["code"])

    assert credit == [429, 455, 200]
    assert record == [500, 500, 500, 422]


async def test_fault_can_wait_for_a_certain_request(api: httpx.AsyncClient, kie: KieServer) -> None:
    kie.faults.add(Call.CREATE, Refusals.SERVER_ERROR, containing="A wolf")

    fox = await ask(api, kie, Call.CREATE)
    wolf = await api.post("/api/v1/jobs/createTask", json=ORDER | {"input": {"prompt": "A wolf"}})

    assert (fox.json()["code"], wolf.json()["code"]) == (200, 500)


@pytest.mark.parametrize("status", [403, 502, 524])
async def test_edge_answers_in_html(api: httpx.AsyncClient, kie: KieServer, status: int) -> None:
    kie.faults.add(Call.CREATE, EdgePage(status))

    answer = await ask(api, kie, Call.CREATE)

    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.headers["Server"] == "cloudflare"
    assert kie.tasks == []


async def test_edge_may_time_out_although_the_task_was_created(api: httpx.AsyncClient, kie: KieServer) -> None:
    kie.faults.add(Call.CREATE, EdgePage(524, took_effect=True))

    answer = await ask(api, kie, Call.CREATE)

    assert answer.status_code == 524
    assert len(kie.tasks) == 1


async def test_edge_refuses_the_default_user_agent_of_urllib(api: httpx.AsyncClient, kie: KieServer) -> None:
    answer = await api.get("/api/v1/chat/credit", headers={"User-Agent": "Python-urllib/3.12"})

    assert (answer.status_code, answer.text) == (403, "error code: 1010")


async def test_lost_answer_leaves_a_task_that_is_billed(
    api: httpx.AsyncClient, kie: KieServer, clock: HandClock
) -> None:
    kie.faults.add(Call.CREATE, LostAnswer())

    with pytest.raises(httpx.TransportError):
        await ask(api, kie, Call.CREATE)
    clock.advance(60)
    [task] = kie.tasks
    await api.get("/api/v1/jobs/recordInfo", params={"taskId": task.id})

    assert task.credits_consumed == 16
    assert kie.account.balance == 10_000 - 16


async def test_connection_may_also_drop_before_anything_happened(api: httpx.AsyncClient, kie: KieServer) -> None:
    kie.faults.add(Call.CREATE, LostAnswer(took_effect=False))

    with pytest.raises(httpx.TransportError):
        await ask(api, kie, Call.CREATE)

    assert kie.tasks == []


async def test_slow_create_has_happened_before_the_client_gives_up(api: httpx.AsyncClient, kie: KieServer) -> None:
    kie.faults.add(Call.CREATE, Slow(40))

    with pytest.raises(httpx.ReadTimeout):
        await api.post("/api/v1/jobs/createTask", json=ORDER, timeout=0.2)

    assert len(kie.tasks) == 1


async def test_slow_record_is_answered_in_the_end(api: httpx.AsyncClient, kie: KieServer) -> None:
    kie.faults.add(Call.RECORD, Slow(0.05))

    started = time.monotonic()
    answer = await ask(api, kie, Call.RECORD)

    assert time.monotonic() - started >= 0.05
    assert answer.json()["code"] == 422


async def test_any_other_body_can_be_sent(api: httpx.AsyncClient, kie: KieServer) -> None:
    kie.faults.add(Call.CREATE, Body('{"code": 200, "data"'), Body("[]", content_type="application/json"))

    assert (await ask(api, kie, Call.CREATE)).text == '{"code": 200, "data"'
    assert (await ask(api, kie, Call.CREATE)).json() == []
    assert kie.tasks == []


async def test_server_counts_requests_at_the_same_time(api: httpx.AsyncClient, kie: KieServer) -> None:
    kie.faults.add(Call.CREATE, Slow(0.05), times=5)

    async with asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(ask(api, kie, Call.CREATE))

    assert (kie.counts[Call.CREATE], kie.peaks[Call.CREATE], kie.peak_running) == (5, 5, 5)
    assert [type(seen.fault) for seen in kie.requests] == [Slow] * 5


async def test_server_closes_while_an_answer_is_still_slow(clock: HandClock) -> None:
    started = time.monotonic()
    async with (
        asyncio.TaskGroup() as group,
        KieServer(clock=clock) as server,
        httpx.AsyncClient(base_url=server.api_url, headers={"Authorization": f"Bearer {server.api_key}"}) as api,
    ):
        server.faults.add(Call.CREATE, Slow(3600))
        waiting = group.create_task(ask(api, server, Call.CREATE))
        async with asyncio.timeout(5):
            while not server.tasks:
                await ask(api, server, Call.CREDIT)
        await server.close()
        assert (await waiting).json()["code"] == 200

    assert time.monotonic() - started < 5


async def test_result_is_served_in_parts_when_asked(api: httpx.AsyncClient, clock: HandClock) -> None:
    url = await finished(api, clock)
    whole = await api.get(url)

    part = await api.get(url, headers={"Range": "bytes=10-19"})
    head = await api.head(url)

    assert (part.status_code, part.content) == (206, whole.content[10:20])
    assert part.headers["Content-Range"] == f"bytes 10-19/{len(whole.content)}"
    assert int(head.headers["Content-Length"]) == int(whole.headers["Content-Length"]) == len(whole.content)


async def test_ready_made_movie_of_any_size_can_be_served(
    api: httpx.AsyncClient, kie: KieServer, clock: HandClock, tmp_path: Path
) -> None:
    made = tmp_path / "made.mp4"
    made.write_bytes((await api.get(await finished(api, clock))).content)
    big = padded(made, 50_000_000, tmp_path / "big.mp4")
    kie.scenarios.default = Scenario(movie=big)

    url = await finished(api, clock)
    received = 0
    async with api.stream("GET", url) as answer:
        assert answer.headers["Content-Length"] == "50000000"
        async for chunk in answer.aiter_bytes():
            received += len(chunk)

    assert received == 50_000_000
    assert big.exists()


@pytest.mark.parametrize("status", [403, 404])
async def test_result_link_dies_after_a_while(
    api: httpx.AsyncClient, kie: KieServer, clock: HandClock, status: int
) -> None:
    kie.scenarios.default = Scenario(download=Download(expires_after=1200, expired_status=status))
    url = await finished(api, clock)

    early = await api.get(url)
    clock.advance(1200)
    late = await api.get(url)

    assert (early.status_code, late.status_code) == (200, status)


@pytest.mark.parametrize("status", [403, 404, 500])
async def test_result_link_may_be_dead_from_the_start(
    api: httpx.AsyncClient, kie: KieServer, clock: HandClock, status: int
) -> None:
    kie.scenarios.default = Scenario(download=Download(status=status))

    assert (await api.get(await finished(api, clock))).status_code == status


async def test_result_may_have_the_wrong_type_or_no_bytes(
    api: httpx.AsyncClient, kie: KieServer, clock: HandClock
) -> None:
    kie.scenarios.next(
        Scenario(download=Download(content_type="text/html")), Scenario(download=Download(is_empty=True))
    )

    wrong, empty = await api.get(await finished(api, clock)), await api.get(await finished(api, clock))

    assert wrong.headers["Content-Type"] == "text/html"
    assert wrong.content[4:8] == b"ftyp"
    assert (empty.status_code, empty.content) == (200, b"")


async def test_result_may_be_cut_off(api: httpx.AsyncClient, kie: KieServer, clock: HandClock) -> None:
    kie.scenarios.default = Scenario(download=Download(truncated_to=1000))
    url = await finished(api, clock)

    received = b""
    with pytest.raises(httpx.TransportError):
        async with api.stream("GET", url) as answer:
            assert int(answer.headers["Content-Length"]) > 1000
            async for chunk in answer.aiter_bytes():
                received += chunk

    assert len(received) <= 1000


async def test_result_may_stall(api: httpx.AsyncClient, kie: KieServer, clock: HandClock) -> None:
    kie.scenarios.default = Scenario(download=Download(stalled_after=1000))
    url = await finished(api, clock)

    with pytest.raises(httpx.ReadTimeout):
        await api.get(url, timeout=0.2)


async def test_result_may_never_end(api: httpx.AsyncClient, kie: KieServer, clock: HandClock) -> None:
    kie.scenarios.default = Scenario(download=Download(is_endless=True))
    url = await finished(api, clock)

    received = 0
    async with api.stream("GET", url) as answer:
        assert "Content-Length" not in answer.headers
        async for chunk in answer.aiter_bytes():
            received += len(chunk)
            if received > 5_000_000:
                break

    assert received > 5_000_000


async def test_download_link_is_made_for_own_files_and_lives_twenty_minutes(
    api: httpx.AsyncClient, kie: KieServer, clock: HandClock
) -> None:
    kie.scenarios.default = Scenario(download=Download(expires_after=60))
    url = await finished(api, clock)
    clock.advance(60)

    made = (await api.post("/api/v1/common/download-url", json={"url": url})).json()
    fresh = await api.get(made["data"])
    clock.advance(1200)
    stale = await api.get(made["data"])

    assert (made["code"], fresh.status_code, stale.status_code) == (200, 200, 404)
    assert fresh.content[4:8] == b"ftyp"


async def test_download_link_to_a_file_that_is_gone_leads_nowhere(
    api: httpx.AsyncClient, kie: KieServer, clock: HandClock
) -> None:
    kie.scenarios.default = Scenario(download=Download(status=404))

    made = (await api.post("/api/v1/common/download-url", json={"url": await finished(api, clock)})).json()

    assert (await api.get(made["data"])).status_code == 404


async def test_download_link_is_refused_for_foreign_files_but_not_for_invented_ones(
    api: httpx.AsyncClient, kie: KieServer
) -> None:
    foreign = (await api.post("/api/v1/common/download-url", json={"url": "http://127.0.0.1:9/a.mp4"})).json()
    invented = (await api.post("/api/v1/common/download-url", json={"url": f"{kie.result_url}/no.mp4"})).json()

    assert foreign == {"code": 422, "msg": "url is wrong", "data": None}
    assert invented["code"] == 200
    assert (await api.get(invented["data"])).status_code == 404
