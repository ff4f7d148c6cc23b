"""Kie.ai's Jobs API: one create call and one record for most of the video models that Kie sells."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import httpx

from bot import logs
from bot.domain.ids import ProviderId, TaskId
from bot.domain.jobs import FailureReason
from bot.errors import (
    AnswerLostError,
    ProviderAuthError,
    ProviderError,
    ProviderProtocolError,
    ProviderRejectedError,
    ProviderUnavailableError,
)
from bot.ports import Clock, NotSold, NotVisible, ProbeAnswer, Sold, Submission, TaskStatus, Terms
from bot.providers import kie_codes as codes
from bot.providers import kie_records as records
from bot.providers.adapter import Adapter
from bot.providers.transport import Answer, Timeouts, Transport

# These accept an empty request and bill it (measured by one operator), so they are never asked whether they are sold.
BILLING_SLUGS = frozenset({"grok-imagine/image-to-video"})
BILLING_PREFIXES = ("gpt-image-2-5",)

# Kie's documentation samples are at most half as long; a longer one is not a task id.
TASK_ID_LENGTH = 128

# Kie serves an upload with the type that its name's extension stands for, and models trust that.
EXTENSIONS = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/bmp": "bmp",
    "image/tiff": "tiff",
    "image/gif": "gif",
    "video/mp4": "mp4",
}

log = logs.get(__name__)


# Kie takes 20 create calls per 10 s and account, and drops the rest; about 100 tasks may run at once ("Getting
# started" page). Two calls stay free for other tools. The window is longer than theirs: calls that leave ten seconds
# apart arrive closer together when the first ones were long on their way. It allows 10 queries per second and key
# (documentation of recordInfo), of which some are kept for restarts and other tools, and keeps what it made for 14
# days ("Getting started" page).
TERMS = Terms(
    creates=18,
    creates_window=timedelta(seconds=11),
    running=100,
    queries_per_second=8,
    records_kept=timedelta(days=14),
    results_kept=timedelta(days=14),
    has_free_probe=True,
)


class KieJobs(Adapter):
    """The `Provider` port on Kie's Jobs API."""

    id = ProviderId("kie_jobs")
    terms = TERMS

    def __init__(
        self,
        *,
        api_key: str,
        api_url: str,
        upload_url: str,
        clock: Clock,
        timeouts: Timeouts | None = None,
        inner: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """*api_url* and *upload_url* are bare origins; *inner* replaces the network in tests."""
        super().__init__(Transport(key=api_key, timeouts=timeouts, inner=inner))
        self._api = api_url.rstrip("/")
        self._uploads = upload_url.rstrip("/")
        self._clock = clock
        self._billed_probes: set[str] = set()

    async def upload(self, path: Path, content_type: str) -> str:
        """Bring a picture to Kie's file host. Kie keeps it for a day at least; the name is new each time."""
        # A name of our own, because the same name again overwrites the earlier file while caches still serve that.
        name = f"{secrets.token_hex(16)}.{EXTENSIONS[content_type]}"
        content = await asyncio.to_thread(path.open, "rb")
        try:
            answer = await self._http.post_file(
                f"{self._uploads}/api/file-stream-upload",
                {"uploadPath": "cutscene", "fileName": name},
                (name, content, content_type),
            )
        finally:
            content.close()
        if codes.code_of(answer) != 200 or (answer.fields or {}).get("success") is False:
            raise self._upload_error(answer)
        url = _inside(answer).get("downloadUrl")
        if not isinstance(url, str) or not records.is_web_address(url):
            raise ProviderProtocolError("the provider took the picture but did not say where it is")
        return url

    async def create(self, submission: Submission) -> TaskId:
        body: dict[str, object] = {"model": submission.slug, "input": submission.fields}
        if submission.callback_url is not None:
            body["callBackUrl"] = submission.callback_url
        answer = await self._create(body)
        if codes.code_of(answer) != 200:
            raise codes.create_error(answer, self._http.clean)
        task_id = _inside(answer).get("taskId")
        named = task_id.strip() if isinstance(task_id, str) else ""
        if not 0 < len(named) <= TASK_ID_LENGTH or not named.isprintable():
            raise AnswerLostError("the provider accepted the task but did not name it")
        return TaskId(named)

    async def status(self, task_id: TaskId) -> TaskStatus:
        record = await self._record(task_id)
        if record is None:
            return NotVisible()
        return records.status_of(record, task_id, self._clock.now(), self._http.clean)

    async def callback_url(self, task_id: TaskId) -> str | None:
        record = await self._record(task_id)
        if record is None:
            raise ProviderUnavailableError("the provider does not know the task, or not yet")
        return records.callback_url_of(record)

    async def _record(self, task_id: TaskId) -> Mapping[str, object] | None:
        """The task's record; None when the provider has none, or none yet."""
        answer = await self._http.get(f"{self._api}/api/v1/jobs/recordInfo", {"taskId": task_id})
        code, text = codes.code_of(answer), codes.text_of(answer)
        if code == 200:
            data = (answer.fields or {}).get("data")
            if data is not None and not isinstance(data, dict):
                raise ProviderProtocolError("the provider's record is not an object")
            return data
        if code == 404 or (code is None and answer.status == 404 and not answer.is_page):
            return None
        if codes.is_missing_record(text) and not answer.is_page:
            return None
        raise codes.read_error(answer, self._http.clean)

    async def probe(self, slug: str) -> ProbeAnswer:
        """Ask with an empty request, which every model but the billing ones refuses before any work.

        Of a model string that would bill for the question nothing is asked: ProviderUnavailableError.
        """
        if slug in BILLING_SLUGS | self._billed_probes or slug.startswith(BILLING_PREFIXES):
            raise ProviderUnavailableError(f"{slug} bills for an empty request, so it is not asked")
        try:
            answer = await self._create({"model": slug, "input": {}})
        except AnswerLostError as err:
            raise ProviderUnavailableError(str(err)) from err
        code, text = codes.code_of(answer), codes.text_of(answer)
        if code == 200:
            # Once is bad luck, twice would be our fault.
            self._billed_probes.add(slug)
            log.error("probe_accepted", slug=slug, note="may have been billed; this model is not asked again")
            return Sold()
        if code is not None:
            if codes.is_unknown_model(text):
                return NotSold(is_known=False, detail=self._http.clean(text))
            if codes.is_paused(text) or code == 505:
                return NotSold(is_known=True, detail=self._http.clean(text))
            if code in (400, 422) or (code == 500 and codes.is_validation(text)):
                return Sold()
        raise _as_probe_error(codes.create_error(answer, self._http.clean))

    async def credits(self) -> float:
        answer = await self._http.get(f"{self._api}/api/v1/chat/credit")
        if codes.code_of(answer) != 200:
            raise codes.read_error(answer, self._http.clean)
        balance = records.number((answer.fields or {}).get("data"))
        if balance is None:
            raise ProviderProtocolError("the provider's balance is not a number")
        return balance

    async def _create(self, body: dict[str, object]) -> Answer:
        return await self._http.post_once(f"{self._api}/api/v1/jobs/createTask", body)

    def _upload_error(self, answer: Answer) -> ProviderError:
        """A refused upload: what is wrong with the file is final, the rest is as for every other call."""
        if codes.code_of(answer) in (400, 413, 415, 422) or answer.status == 413:
            detail = self._http.clean(codes.text_of(answer))
            return ProviderRejectedError(FailureReason.IMAGE, detail)
        return codes.read_error(answer, self._http.clean)


def _inside(answer: Answer) -> dict[str, object]:
    """The answer's `data` object; empty when there is none."""
    data = (answer.fields or {}).get("data")
    return data if isinstance(data, dict) else {}


def _as_probe_error(err: ProviderError) -> ProviderError:
    """A probe creates nothing, so where a create call would be in doubt a probe just has no answer yet."""
    if isinstance(err, (ProviderAuthError, ProviderUnavailableError)):
        return err
    return ProviderUnavailableError(str(err))
