"""Videos go into the host's bucket whole and signed, and come out by links that expire."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from bot.providers.bucket_signatures import Credentials, authorization, presigned_query, timestamp
from bot.providers.buckets import Bucket, BucketError, BucketRefusedError, BucketTimeouts, BucketUnavailableError
from bot.settings import BucketSettings
from tests.logged import logged
from tests.loopback import Handler, always, answer, reset, serving, serving_broken_tls, silence
from tests.providers.bucket_double import Store

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
CONTENT = bytes(range(256)) * 5000
NAME = "jobs/142-a8Zf.mp4"
WEEK = timedelta(days=7)

# The examples of Amazon's documentation, "Authenticating Requests (AWS Signature Version 4)" of S3.
EXAMPLE = Credentials(
    access_key_id="AKIAIOSFODNN7EXAMPLE",
    secret_access_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    region="us-east-1",
)
EXAMPLE_HOST = "examplebucket.s3.amazonaws.com"
EXAMPLE_TIME = datetime(2013, 5, 24, tzinfo=UTC)


class HandClock:
    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> datetime:
        return self.time

    async def wait(self, wake: asyncio.Event, at_most: timedelta) -> None:
        await wake.wait()


def settings_for(url: str, store: Store, name: str = "my-videos") -> BucketSettings:
    return BucketSettings(
        endpoint_url=url,
        name=name,
        region=store.region,
        access_key_id=SecretStr(store.key_id),
        secret_access_key=SecretStr(store.secret),
    )


@dataclass
class Yard:
    """A store, our bucket in it, and a video."""

    store: Store
    bucket: Bucket
    clock: HandClock
    video: Path

    async def get(self, url: str) -> httpx.Response:
        """As a member's browser would: without any key."""
        self.store.now = self.clock.time
        async with httpx.AsyncClient(trust_env=False) as browser:
            return await browser.get(url)


@asynccontextmanager
async def opened(
    folder: Path, handler: Handler | None = None, timeouts: BucketTimeouts | None = None, *, named: str = "my-videos"
) -> AsyncIterator[Yard]:
    store, clock, video = Store(now=NOW), HandClock(), folder / "142.mp4"
    video.write_bytes(CONTENT)
    async with serving(handler or store.answer) as server:
        bucket = Bucket(settings_for(server.url, store, named), clock=clock, timeouts=timeouts)
        try:
            yield Yard(store, bucket, clock, video)
        finally:
            await bucket.aclose()


@pytest.fixture
async def yard(tmp_path: Path) -> AsyncIterator[Yard]:
    async with opened(tmp_path) as it:
        yield it


async def failure(folder: Path, handler: Handler, timeouts: BucketTimeouts | None = None) -> BucketError:
    async with opened(folder, handler, timeouts) as yard:
        with pytest.raises(BucketError) as error:
            await yard.bucket.put(yard.video, NAME)
    return error.value


def refusing(status: str, code: str) -> Handler:
    return always(answer(f"<Error><Code>{code}</Code><Message>canary</Message></Error>".encode(), status=status))


# Signatures, against Amazon's own examples


def test_get_is_signed_as_in_amazons_example() -> None:
    empty = hashlib.sha256(b"").hexdigest()
    headers = {
        "host": EXAMPLE_HOST,
        "range": "bytes=0-9",
        "x-amz-content-sha256": empty,
        "x-amz-date": timestamp(EXAMPLE_TIME),
    }

    header = authorization(EXAMPLE, method="GET", path="/test.txt", headers=headers, payload=empty, at=EXAMPLE_TIME)

    assert header == (
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    )


def test_put_is_signed_as_in_amazons_example() -> None:
    payload = hashlib.sha256(b"Welcome to Amazon S3.").hexdigest()
    headers = {
        "date": "Fri, 24 May 2013 00:00:00 GMT",
        "host": EXAMPLE_HOST,
        "x-amz-content-sha256": payload,
        "x-amz-date": timestamp(EXAMPLE_TIME),
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
    }

    header = authorization(
        EXAMPLE, method="PUT", path="/test$file.text", headers=headers, payload=payload, at=EXAMPLE_TIME
    )

    assert header.endswith("Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd")


def test_link_is_signed_as_in_amazons_example() -> None:
    query = presigned_query(EXAMPLE, host=EXAMPLE_HOST, path="/test.txt", at=EXAMPLE_TIME, lifetime=timedelta(days=1))

    assert query == (
        "X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    )


@pytest.mark.parametrize("lifetime", [timedelta(0), timedelta(seconds=-1), WEEK + timedelta(seconds=1)])
def test_link_lives_a_week_at_most(lifetime: timedelta) -> None:
    with pytest.raises(ValueError, match="7 days"):
        presigned_query(EXAMPLE, host=EXAMPLE_HOST, path="/x", at=NOW, lifetime=lifetime)


def test_secret_is_not_shown() -> None:
    assert EXAMPLE.secret_access_key not in repr(EXAMPLE)


# In and out


async def test_video_comes_out_of_the_bucket_as_it_went_in(yard: Yard) -> None:
    await yard.bucket.put(yard.video, NAME)
    fetched = await yard.get(yard.bucket.link(NAME, WEEK))

    assert yard.store.refusals == []
    assert (fetched.status_code, fetched.content) == (200, CONTENT)
    assert fetched.headers["Content-Type"] == "video/mp4"
    [(path, (_, headers))] = yard.store.objects.items()
    assert path == f"/my-videos/{NAME}"
    assert headers["content-disposition"] == "inline"


async def test_same_name_again_replaces_it(yard: Yard) -> None:
    await yard.bucket.put(yard.video, NAME)
    yard.video.write_bytes(b"smaller")
    await yard.bucket.put(yard.video, NAME, "video/webm")

    fetched = await yard.get(yard.bucket.link(NAME, WEEK))
    assert (fetched.content, fetched.headers["Content-Type"]) == (b"smaller", "video/webm")


async def test_link_expires(yard: Yard) -> None:
    await yard.bucket.put(yard.video, NAME)
    link = yard.bucket.link(NAME, timedelta(hours=1))

    yard.clock.time += timedelta(minutes=59, seconds=59)
    assert (await yard.get(link)).status_code == 200
    yard.clock.time += timedelta(seconds=1)
    assert (await yard.get(link)).status_code == 403


async def test_link_to_one_video_opens_no_other(yard: Yard) -> None:
    await yard.bucket.put(yard.video, "a.mp4")
    await yard.bucket.put(yard.video, "b.mp4")

    assert (await yard.get(yard.bucket.link("a.mp4", WEEK).replace("/a.mp4", "/b.mp4"))).status_code == 403
    assert yard.store.refusals == ["SignatureDoesNotMatch"]


@pytest.mark.parametrize("name", ["", "/a.mp4", "a//b.mp4", "../a.mp4", "a/../b.mp4", "a b.mp4", "ж.mp4", "a" * 201])
async def test_odd_names_are_refused_before_anything_leaves(yard: Yard, name: str) -> None:
    with pytest.raises(ValueError, match="name of a video"):
        await yard.bucket.put(yard.video, name)
    with pytest.raises(ValueError, match="name of a video"):
        yard.bucket.link(name, WEEK)


@pytest.mark.parametrize(
    ("endpoint", "name", "begins"),
    [
        ("https://s3.eu-central-1.amazonaws.com", "videos", "https://videos.s3.eu-central-1.amazonaws.com/a.mp4?"),
        (
            "https://s3.eu-central-1.amazonaws.com",
            "my.videos",
            "https://s3.eu-central-1.amazonaws.com/my.videos/a.mp4?",
        ),
        ("https://videos.s3.example.org", "videos", "https://videos.s3.example.org/a.mp4?"),
        ("https://s3.example.org:9000", "videos", "https://s3.example.org:9000/videos/a.mp4?"),
        ("https://amazonaws.com.example.org", "videos", "https://amazonaws.com.example.org/videos/a.mp4?"),
    ],
)
async def test_bucket_stands_where_its_store_wants_it(endpoint: str, name: str, begins: str) -> None:
    bucket = Bucket(settings_for(endpoint, Store(now=NOW), name), clock=HandClock())

    assert bucket.link("a.mp4", WEEK).startswith(begins)
    await bucket.aclose()


async def test_upload_with_the_bucket_in_the_hosts_name_is_signed_for_that_host(tmp_path: Path) -> None:
    store, seen = Store(now=NOW), []

    async def network(request: httpx.Request) -> httpx.Response:
        seen.append(request.url)
        head = [f"PUT {request.url.raw_path.decode()} HTTP/1.1", *(f"{k}: {v}" for k, v in request.headers.items())]
        raw = "\r\n".join(head).encode() + b"\r\n\r\n" + await request.aread()
        reader_writer = Recorder()
        await store.answer(raw, reader_writer)  # type: ignore[arg-type]  # all that it uses of a writer
        return httpx.Response(int(reader_writer.written[9:12]))

    settings = settings_for("https://s3.eu-central-1.amazonaws.com", store, "videos")
    bucket = Bucket(settings, clock=HandClock(), inner=httpx.MockTransport(network))
    (tmp_path / "v.mp4").write_bytes(CONTENT)

    await bucket.put(tmp_path / "v.mp4", "a.mp4")
    await bucket.aclose()

    assert seen == ["https://videos.s3.eu-central-1.amazonaws.com/a.mp4"]
    assert store.refusals == []
    assert store.objects["/a.mp4"][0] == CONTENT


class Recorder:
    def __init__(self) -> None:
        self.written = b""

    def write(self, content: bytes) -> None:
        self.written += content


# When it does not work


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda store: setattr(store, "secret", "another"), "SignatureDoesNotMatch"),
        (lambda store: setattr(store, "key_id", "another"), "InvalidAccessKeyId"),
        (lambda store: setattr(store, "region", "another"), "AuthorizationHeaderMalformed"),
        (lambda store: setattr(store, "now", NOW + timedelta(hours=1)), "RequestTimeTooSkewed"),
    ],
)
async def test_what_the_host_has_to_mend_is_named(yard: Yard, change: Callable[[Store], None], code: str) -> None:
    change(yard.store)

    with pytest.raises(BucketRefusedError) as error:
        await yard.bucket.put(yard.video, NAME)

    assert str(error.value) == f"the bucket answered with HTTP 403 {code}"
    assert yard.store.objects == {}


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        ("500 Internal Server Error", "InternalError", BucketUnavailableError),
        ("503 Slow Down", "SlowDown", BucketUnavailableError),
        ("429 Too Many Requests", "", BucketUnavailableError),
        ("400 Bad Request", "RequestTimeout", BucketUnavailableError),
        ("404 Not Found", "NoSuchBucket", BucketRefusedError),
        ("400 Bad Request", "InvalidArgument", BucketRefusedError),
        ("307 Temporary Redirect", "TemporaryRedirect", BucketRefusedError),
        ("201 Created", "", BucketRefusedError),
    ],
)
async def test_refusals_are_told_from_troubles(tmp_path: Path, status: str, code: str, kind: type[BucketError]) -> None:
    error = await failure(tmp_path, refusing(status, code))

    assert type(error) is kind
    assert code in str(error)
    assert "canary" not in str(error)


async def test_redirect_does_not_take_our_signature_elsewhere(tmp_path: Path) -> None:
    async with serving(always(answer(b""))) as elsewhere:
        moved = always(answer(b"", f"Location: {elsewhere.url}/x", status="307 Temporary Redirect"))

        error = await failure(tmp_path, moved)

    assert isinstance(error, BucketRefusedError)
    assert elsewhere.connections == 0


SHORT = BucketTimeouts(stall=timedelta(milliseconds=200))
HASTY = BucketTimeouts(whole=timedelta(milliseconds=200))


@pytest.mark.parametrize(
    ("handler", "timeouts"),
    [(reset, None), (silence, SHORT), (silence, HASTY)],
    ids=["reset", "silence", "silence to the end"],
)
async def test_store_that_does_not_answer_is_a_passing_trouble(
    tmp_path: Path, handler: Callable[[bytes, asyncio.StreamWriter], Awaitable[None]], timeouts: BucketTimeouts | None
) -> None:
    assert isinstance(await failure(tmp_path, handler, timeouts), BucketUnavailableError)


async def test_encryption_that_breaks_is_a_passing_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "v.mp4").write_bytes(CONTENT)
    async with serving_broken_tls(tmp_path, monkeypatch) as url:
        bucket = Bucket(settings_for(url, Store(now=NOW)), clock=HandClock())

        with pytest.raises(BucketUnavailableError):
            await bucket.put(tmp_path / "v.mp4", NAME)
        await bucket.aclose()


async def test_store_that_is_not_there_is_a_passing_trouble(tmp_path: Path) -> None:
    async with serving(silence) as server:
        url = server.url
    bucket = Bucket(settings_for(url, Store(now=NOW)), clock=HandClock())
    (tmp_path / "v.mp4").write_bytes(CONTENT)

    with pytest.raises(BucketUnavailableError):
        await bucket.put(tmp_path / "v.mp4", NAME)
    await bucket.aclose()


async def test_answer_without_an_end_is_not_read_to_it(tmp_path: Path) -> None:
    async def endless(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 403 Forbidden\r\n\r\n<Code>AccessDenied</Code>")
        while True:
            writer.write(b" " * 65536)
            await writer.drain()

    assert "AccessDenied" in str(await failure(tmp_path, endless))


async def test_nothing_secret_is_logged_or_said(yard: Yard) -> None:
    with logged() as log:
        await yard.bucket.put(yard.video, NAME)
        yard.store.secret = "another"
        with pytest.raises(BucketRefusedError) as error:
            await yard.bucket.put(yard.video, NAME)
        link = yard.bucket.link(NAME, WEEK)

    everything = log.getvalue() + str(error.value) + repr(yard.bucket)
    assert "c4nary" not in everything + link
    assert "Signature=" not in everything
