"""Kie's file host, the free question whether a model is sold, and the balance."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.domain.jobs import FailureReason, Result
from bot.errors import AccountFault, DeadLinkError, ProviderAuthError, ProviderProtocolError, ProviderRejectedError
from bot.errors import ProviderUnavailableError as Unavailable
from bot.ports import Credentials, NotSold, Sold
from tests.providers.recorded import Answering

ADDRESS = "https://tempfile.aiquickdraw.com/v.mp4"
LINK = "https://tempfile.aiquickdraw.com/temporary/abc"


@dataclass
class Host:
    """A host of results on which only one address leads anywhere."""

    alive: str
    trouble: Exception = field(default_factory=lambda: DeadLinkError("HTTP 403"))
    asked: list[str] = field(default_factory=list)

    async def fetch(self, url: str, to: Path, credentials: Credentials | None = None) -> int:
        assert credentials is None
        self.asked.append(url)
        if url != self.alive:
            raise self.trouble
        return 5

    async def keep(self, content: bytes, to: Path) -> int:
        raise AssertionError("Kie links to its videos")


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"  # The name lies; the type that was sniffed counts.
    path.write_bytes(b"\xff\xd8\xff\xe0 jpeg bytes")
    return path


async def test_upload_sends_the_bytes_under_a_name_of_the_sniffed_type(answering: Answering, picture: Path) -> None:
    kie, seen = answering("uploaded")

    url = await kie.upload(picture, "image/jpeg")

    form = seen.sent[0].content
    assert url == "https://tempfile.redpandaai.co/kieai/7/cutscene/1777-abc.jpg"
    assert str(seen.sent[0].url) == "https://upload.kie.test/api/file-stream-upload"
    assert b'name="uploadPath"' in form
    assert b"\xff\xd8\xff\xe0 jpeg bytes" in form
    assert b'.jpg"' in form
    assert b"picture.png" not in form


async def test_every_upload_has_a_new_name(answering: Answering, picture: Path) -> None:
    kie, seen = answering("uploaded")

    await kie.upload(picture, "image/jpeg")
    await kie.upload(picture, "image/jpeg")

    names = {part for sent in seen.sent for part in sent.content.split(b'"') if part.endswith(b".jpg")}
    assert len(names) == 2


async def test_refused_file_is_final(answering: Answering, picture: Path) -> None:
    kie, _ = answering("upload_refused")

    with pytest.raises(ProviderRejectedError) as refusal:
        await kie.upload(picture, "image/jpeg")

    assert refusal.value.reason is FailureReason.IMAGE


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, '{"success":false,"code":401,"msg":"no"}', ProviderAuthError),
        (200, '{"success":false,"code":500,"msg":"no"}', Unavailable),
        (502, "<html></html>", Unavailable),
        (413, "<html></html>", ProviderRejectedError),
        (200, '{"success":true,"code":200,"data":{"fileUrl":"https://x.test/a.jpg"}}', ProviderProtocolError),
        (200, '{"success":true,"code":200,"data":{"downloadUrl":"/a.jpg"}}', ProviderProtocolError),
        (200, '{"success":false,"code":200,"msg":"odd"}', ProviderProtocolError),
    ],
)
async def test_failed_upload_says_what_to_do(
    answering: Answering, picture: Path, status: int, body: str, error: type[Exception]
) -> None:
    kie, _ = answering(status=status, body=body)

    with pytest.raises(error):
        await kie.upload(picture, "image/jpeg")


@pytest.mark.parametrize("name", ["validation_500", "range_422"])
async def test_model_that_misses_its_prompt_is_sold(answering: Answering, name: str) -> None:
    kie, seen = answering(name)

    assert await kie.probe("wan/3-0-video") == Sold()
    assert seen.body == {"model": "wan/3-0-video", "input": {}}


@pytest.mark.parametrize(("name", "is_known"), [("unknown_model", False), ("paused", True), ("disabled", True)])
async def test_model_that_is_not_sold_says_why(answering: Answering, name: str, is_known: bool) -> None:
    kie, _ = answering(name)

    answer = await kie.probe("sora-2-text-to-video")

    assert isinstance(answer, NotSold)
    assert answer.is_known is is_known
    assert answer.detail


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, '{"code":500,"msg":"Internal Error"}'), (502, ""), (200, '{"code":429,"msg":"x"}'), (403, "<html>")],
)
async def test_question_without_an_answer_changes_nothing(answering: Answering, status: int, body: str) -> None:
    kie, _ = answering(status=status, body=body)

    with pytest.raises(Unavailable):
        await kie.probe("wan/3-0-video")


async def test_question_with_a_refused_key_is_the_hosts_business(answering: Answering) -> None:
    kie, _ = answering("key_refused")

    with pytest.raises(ProviderAuthError):
        await kie.probe("wan/3-0-video")


@pytest.mark.parametrize("slug", ["grok-imagine/image-to-video", "gpt-image-2-5-image-to-image"])
async def test_model_that_bills_for_the_question_is_never_asked(answering: Answering, slug: str) -> None:
    kie, seen = answering("unknown_model")

    with pytest.raises(Unavailable, match="bills"):
        await kie.probe(slug)

    assert seen.sent == []


async def test_model_that_took_an_empty_request_is_not_asked_twice(answering: Answering) -> None:
    kie, seen = answering("created")

    assert await kie.probe("careless/model") == Sold()
    with pytest.raises(Unavailable, match="bills"):
        await kie.probe("careless/model")

    assert len(seen.sent) == 1


async def test_balance_is_told(answering: Answering) -> None:
    kie, _ = answering("credit")

    assert await kie.credits() == 5916.25


@pytest.mark.parametrize("data", ["null", '"many"', "true", "NaN", "{}"])
async def test_balance_that_is_no_number_is_not_believed(answering: Answering, data: str) -> None:
    kie, _ = answering(body=f'{{"code":200,"msg":"success","data":{data}}}')

    with pytest.raises(ProviderProtocolError):
        await kie.credits()


async def test_empty_account_is_told_apart(answering: Answering) -> None:
    kie, _ = answering("no_credits")

    with pytest.raises(ProviderAuthError) as refusal:
        await kie.credits()

    assert refusal.value.fault is AccountFault.BALANCE


async def test_dead_address_of_a_result_is_exchanged_for_a_temporary_link(answering: Answering, tmp_path: Path) -> None:
    kie, seen = answering(body=f'{{"code":200,"msg":"success","data":"{LINK}"}}')
    host = Host(alive=LINK)

    assert await kie.fetch(Result(url=ADDRESS), tmp_path / "v.mp4", host) == 5
    assert host.asked == [ADDRESS, LINK]
    assert str(seen.sent[0].url) == "https://api.kie.test/api/v1/common/download-url"
    assert seen.body == {"url": ADDRESS}


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ('{"code":422,"msg":"url is wrong","data":null}', DeadLinkError),
        ('{"code":200,"msg":"success","data":null}', DeadLinkError),
        ('{"code":200,"msg":"success","data":"none"}', DeadLinkError),
        ('{"code":500,"msg":"Internal Error"}', Unavailable),
        ('{"code":401,"msg":"no"}', ProviderAuthError),
    ],
)
async def test_where_no_link_is_given_the_address_stays_dead_unless_nobody_could_say(
    answering: Answering, tmp_path: Path, body: str, error: type[Exception]
) -> None:
    kie, _ = answering(body=body)

    with pytest.raises(error):
        await kie.fetch(Result(url=ADDRESS), tmp_path / "v.mp4", Host(alive=LINK))


@pytest.mark.parametrize("trouble", [Unavailable("HTTP 502"), ProviderRejectedError(FailureReason.NO_RESULT, "a page")])
async def test_no_link_is_asked_for_where_it_would_lead_to_the_same(
    answering: Answering, tmp_path: Path, trouble: Exception
) -> None:
    kie, seen = answering(body=f'{{"code":200,"data":"{LINK}"}}')

    with pytest.raises(type(trouble)):
        await kie.fetch(Result(url=ADDRESS), tmp_path / "v.mp4", Host(alive=LINK, trouble=trouble))

    assert seen.sent == []
