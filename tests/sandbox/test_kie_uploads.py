"""The local Kie.ai takes files in three ways, serves them as recorded, and judges pictures when it renders."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import httpx
import pytest
from PIL import Image

from sandbox.kie_server import Call, Failed, Failure, Failures, KieServer, Refusals, Succeeded
from tests.sandbox.vendors import HandClock, KieKey


@pytest.fixture
async def api(kie: KieServer) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=kie.upload_url, auth=KieKey(kie)) as client:
        yield client


def picture(kind: str = "JPEG", size: tuple[int, int] = (400, 300)) -> bytes:
    raw = BytesIO()
    Image.linear_gradient("L").resize(size).convert("RGB").save(raw, kind)
    return raw.getvalue()


async def upload(api: httpx.AsyncClient, raw: bytes, name: str = "fox.jpg", **texts: str) -> dict[str, Any]:
    fields = {"uploadPath": "images"} | texts
    answer = await api.post("/api/file-stream-upload", files={"file": (name, raw)}, data=fields)
    body: dict[str, Any] = answer.json()
    return body


async def url_of(api: httpx.AsyncClient, raw: bytes, name: str = "fox.jpg") -> str:
    return str((await upload(api, raw, name))["data"]["downloadUrl"])


async def outcome(
    api: httpx.AsyncClient, kie: KieServer, clock: HandClock, model: str, given: dict[str, Any]
) -> Failure | None:
    """Why a task with that input failed; None when it did not."""
    body = {"model": model, "input": given}
    answer = (await api.post(f"{kie.api_url}/api/v1/jobs/createTask", json=body)).json()
    assert answer["code"] == 200, "creation never looks at media"
    clock.advance(60)
    await api.get(f"{kie.api_url}/api/v1/jobs/recordInfo", params=answer["data"] | {"recordId": ""})
    end = kie.tasks[-1].end
    assert isinstance(end, Succeeded | Failed)
    return end.failure if isinstance(end, Failed) else None


async def test_streamed_file_gets_a_name_and_an_address(api: httpx.AsyncClient, kie: KieServer) -> None:
    raw = picture()

    body = await upload(api, raw)

    content = body.pop("data")
    assert body == {"success": True, "code": 200, "msg": "File uploaded successfully"}
    assert re.fullmatch(r"1790000000000-\w+\.jpg", content["fileName"])
    assert re.fullmatch(rf"kieai/\d+/images/{content['fileName']}", content["filePath"])
    assert content["downloadUrl"] == f"{kie.result_url}/{content['filePath']}"
    assert (content["fileSize"], content["mimeType"]) == (len(raw), "image/jpeg")
    assert content["uploadedAt"] == "2026-09-21T14:13:20.000Z"
    served = await api.get(content["downloadUrl"])
    assert (served.content, served.headers["Content-Type"]) == (raw, "image/jpeg")


@pytest.mark.parametrize("prefix", ["", "data:image/jpeg;base64,"])
async def test_base64_file_is_kept(api: httpx.AsyncClient, prefix: str) -> None:
    raw = picture()
    body = {"base64Data": prefix + base64.b64encode(raw).decode(), "uploadPath": "images", "fileName": "fox.jpg"}

    content = (await api.post("/api/file-base64-upload", json=body)).json()["data"]

    assert content["fileName"] == "fox.jpg"
    assert (await api.get(content["downloadUrl"])).content == raw


async def test_file_is_fetched_from_an_address(api: httpx.AsyncClient) -> None:
    raw = picture()
    source = await url_of(api, raw)

    answer = (await api.post("/api/file-url-upload", json={"fileUrl": source, "uploadPath": "copies"})).json()

    assert answer["success"] is True
    assert answer["data"]["fileName"].endswith(".jpg")
    assert (await api.get(answer["data"]["downloadUrl"])).content == raw


@pytest.mark.parametrize("status", [403, 404])
async def test_file_that_its_host_refuses_is_not_uploaded(api: httpx.AsyncClient, kie: KieServer, status: int) -> None:
    kie.faults.add(Call.RESULT, Refusals.NOT_FOUND if status == 404 else Refusals.DISABLED)
    kie.has_http_status = True
    source = f"{kie.result_url}/no.jpg"

    answer = (await api.post("/api/file-url-upload", json={"fileUrl": source, "uploadPath": "copies"})).json()

    assert (answer["success"], answer["code"]) == (False, 500)
    assert kie.uploads == []


async def test_addresses_outside_are_never_fetched(api: httpx.AsyncClient) -> None:
    body = {"fileUrl": "https://cdn.discordapp.com/attachments/1/2/fox.png", "uploadPath": "copies"}

    answer = (await api.post("/api/file-url-upload", json=body)).json()

    assert (answer["success"], answer["code"], answer["msg"]) == (False, 500, "Failed to download the file: HTTP 403")


async def test_same_name_is_overwritten(api: httpx.AsyncClient, kie: KieServer) -> None:
    first = await upload(api, picture(), fileName="fox.jpg")
    second = await upload(api, picture(size=(500, 500)), fileName="fox.jpg")

    assert first["data"]["downloadUrl"] == second["data"]["downloadUrl"]
    assert (await api.get(first["data"]["downloadUrl"])).content == picture(size=(500, 500))
    assert len(kie.uploads) == 1


async def test_file_is_served_under_the_type_of_its_extension(api: httpx.AsyncClient) -> None:
    served = await api.get(await url_of(api, picture("JPEG"), "photo.png"))

    assert served.headers["Content-Type"] == "image/png"
    assert served.content.startswith(b"\xff\xd8")


async def test_name_cannot_lead_out_of_the_folder(api: httpx.AsyncClient, kie: KieServer) -> None:
    body = await upload(api, picture(), fileName="../../etc/passwd.jpg", uploadPath="../up/./..//x")

    assert re.fullmatch(r"kieai/\d+/up/x/passwd\.jpg", body["data"]["filePath"])
    assert (await api.get(body["data"]["downloadUrl"])).status_code == 200


async def test_uploaded_file_is_gone_after_a_day(api: httpx.AsyncClient, clock: HandClock) -> None:
    url = await url_of(api, picture())

    clock.advance(24 * 3600)

    assert (await api.get(url)).status_code == 404


async def test_incomplete_uploads_are_refused(api: httpx.AsyncClient, kie: KieServer) -> None:
    stream = "/api/file-stream-upload"
    answers = [
        await api.post(stream, files={"other": b"x"}, data={"uploadPath": "a"}),
        await api.post(stream, files={"file": ("a.jpg", b"x")}),
        await api.post(stream, files={"file": ("a.jpg", b"")}, data={"uploadPath": "a"}),
        await api.post(stream, json={"uploadPath": "a"}),
        await api.post(stream, content=b"nonsense", headers={"Content-Type": "multipart/form-data"}),
        await api.post("/api/file-base64-upload", json={"uploadPath": "a"}),
        await api.post("/api/file-base64-upload", json={"uploadPath": "a", "base64Data": "%%%"}),
        await api.post("/api/file-base64-upload", json={"base64Data": "aGVsbG8="}),
        await api.post("/api/file-url-upload", json={"uploadPath": "a"}),
    ]

    assert [(answer.json()["success"], answer.json()["code"]) for answer in answers] == [(False, 400)] * len(answers)
    assert kie.uploads == []


async def test_task_uses_uploaded_pictures(api: httpx.AsyncClient, kie: KieServer, clock: HandClock) -> None:
    first, last = await url_of(api, picture()), await url_of(api, picture("PNG", (500, 500)), "b.png")
    given = {"prompt": "Turn", "duration": 2, "first_frame_url": first, "last_frame_url": last}

    assert await outcome(api, kie, clock, "wan/3-0-video", given) is None


async def test_result_of_one_task_can_be_used_by_another(
    api: httpx.AsyncClient, kie: KieServer, clock: HandClock
) -> None:
    assert await outcome(api, kie, clock, "wan/3-0-video", {"prompt": "A fox", "duration": 2}) is None
    end = kie.tasks[0].end
    assert isinstance(end, Succeeded)

    given = {"prompt": "Go on", "duration": 2, "reference_video_urls": list(end.urls)}

    assert await outcome(api, kie, clock, "wan/3-0-video", given) is None


@pytest.mark.parametrize(
    "url",
    [
        "https://cdn.discordapp.com/attachments/1/2/fox.png",
        "http://127.0.0.1:9/fox.png",
        "{result}/kieai/1/images/never.png",
        "not an address",
    ],
)
async def test_picture_that_was_never_uploaded_fails_late(
    api: httpx.AsyncClient, kie: KieServer, clock: HandClock, url: str
) -> None:
    given = {"prompt": "A fox", "first_frame_url": url.format(result=kie.result_url), "duration": 2}

    assert await outcome(api, kie, clock, "wan/3-0-video", given) == Failures.IMAGE_FETCH


async def test_picture_whose_time_is_over_fails(api: httpx.AsyncClient, kie: KieServer, clock: HandClock) -> None:
    url = await url_of(api, picture())
    clock.advance(24 * 3600)

    given = {"prompt": "A fox", "first_frame_url": url, "duration": 2}

    assert await outcome(api, kie, clock, "wan/3-0-video", given) == Failures.IMAGE_FETCH


@pytest.mark.parametrize(
    ("model", "field", "raw", "name", "expected"),
    [
        ("kling-3.0/video", "image_urls", picture("WEBP"), "a.webp", Failures.IMAGE_FORMAT),
        ("kling-3.0/video", "image_urls", picture("PNG"), "a.png", None),
        ("wan/3-0-video", "first_frame_url", b"not a picture at all", "a.png", Failures.IMAGE_FORMAT),
        ("wan/3-0-video", "first_frame_url", picture(size=(239, 300)), "a.jpg", Failures.IMAGE_SIDES),
        ("wan/3-0-video", "first_frame_url", picture("GIF"), "a.gif", Failures.IMAGE_FORMAT),
        ("bytedance/seedance-2", "first_frame_url", picture("GIF"), "a.gif", None),
        ("bytedance/seedance-2", "first_frame_url", picture(size=(1000, 390)), "a.jpg", Failures.IMAGE_SIDES),
        ("happyhorse-1-1/image-to-video", "image_urls", picture(size=(299, 400)), "a.jpg", Failures.IMAGE_SIDES),
    ],
)
async def test_picture_must_suit_the_model(
    api: httpx.AsyncClient,
    kie: KieServer,
    clock: HandClock,
    model: str,
    field: str,
    raw: bytes,
    name: str,
    expected: Failure | None,
) -> None:
    url = await url_of(api, raw, name)
    given: dict[str, Any] = {"prompt": "A fox", field: [url] if field == "image_urls" else url}
    if model == "kling-3.0/video":
        given |= {"duration": "5", "mode": "std", "sound": False, "multi_shots": False}

    assert await outcome(api, kie, clock, model, given) == expected
