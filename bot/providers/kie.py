"""What all of Kie's APIs share: one account, its limits and its balance, the file host, the form of answers."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import httpx

from bot.domain.ids import TaskId
from bot.domain.jobs import FailureReason, Result
from bot.errors import (
    AnswerLostError,
    DeadLinkError,
    ProviderError,
    ProviderProtocolError,
    ProviderRejectedError,
    ProviderUnavailableError,
)
from bot.ports import Clock, Downloads, Terms
from bot.providers import kie_codes as codes
from bot.providers import kie_records as records
from bot.providers.adapter import Adapter
from bot.providers.kie_fields import number_in
from bot.providers.transport import Answer, Timeouts, Transport, is_web_address

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
# Kie takes 20 create calls per 10 s and account, and drops the rest; about 100 tasks may run at once ("Getting
# started" page). Two calls stay free for other tools, and for requests that arrive after we have given them up; the
# window is a little longer than theirs, since no two clocks agree. It allows 10 queries per second and key
# (documentation of recordInfo), of which some are kept for restarts and other tools, and keeps what it made for 14
# days ("Getting started" page); of older tasks Veo says "only supports records within 14 days".
TERMS = Terms(
    creates=18,
    creates_window=timedelta(seconds=10.1),
    running=100,
    queries_per_second=8,
    records_kept=timedelta(days=14),
    results_kept=timedelta(days=14),
    has_free_probe=True,
    sources_kept=timedelta(days=14),
    account="kie",
)


class Kie(Adapter):
    """The `Provider` port on one of Kie's APIs, but for what each asks and where its records are."""

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

    async def upload(self, path: Path, content_type: str) -> str:
        """Bring a file to Kie's file host. Kie keeps it for a day at least; the name is new each time."""
        # A name of our own, because the same name again overwrites the earlier file while caches still serve that.
        name = f"{secrets.token_hex(16)}.{EXTENSIONS[content_type]}"
        answer = await self._http.post_file(
            f"{self._uploads}/api/file-stream-upload",
            path,
            name=name,
            content_type=content_type,
            fields={"uploadPath": "cutscene", "fileName": name},
        )
        if codes.code_of(answer) != 200 or (answer.fields or {}).get("success") is False:
            raise self._upload_error(answer)
        url = records.inside(answer).get("downloadUrl")
        if not isinstance(url, str) or not is_web_address(url):
            raise ProviderProtocolError("the provider took the file but did not say where it is")
        return url

    async def fetch(self, result: Result, to: Path, downloads: Downloads) -> int:
        """From its address; once that is dead, through a temporary link to the file behind it.

        Kie keeps files for 14 days, but operators saw addresses answer with 403 after 20 to 40 minutes.
        """
        try:
            return await downloads.fetch(result.url, to)
        except DeadLinkError:
            link = await self._temporary_link(result.url)
            if link is None:
                raise
        return await downloads.fetch(link, to)

    async def callback_url(self, task_id: TaskId) -> str | None:
        record = await self._record(task_id)
        if record is None:
            raise ProviderUnavailableError("the provider does not know the task, or not yet")
        return records.callback_url_of(record)

    async def credits(self) -> float:
        answer = await self._http.get(f"{self._api}/api/v1/chat/credit")
        if codes.code_of(answer) != 200:
            raise codes.read_error(answer, self._http.clean)
        balance = number_in((answer.fields or {}).get("data"))
        if balance is None:
            raise ProviderProtocolError("the provider's balance is not a number")
        return balance

    async def _temporary_link(self, url: str) -> str | None:
        """A link of 20 minutes to a file of Kie's, whether that exists or not; None for somebody else's."""
        answer = await self._http.post(f"{self._api}/api/v1/common/download-url", {"url": url})
        if codes.code_of(answer) == 200:
            link = (answer.fields or {}).get("data")
            return link if isinstance(link, str) and is_web_address(link) else None
        error = codes.read_error(answer, self._http.clean)
        if isinstance(error, ProviderProtocolError):  # Recorded of foreign addresses: 422 "url is wrong".
            return None
        raise error

    async def _record(self, task_id: TaskId) -> records.Record | None:
        """The task's record; None when the provider has none, or none yet."""
        raise NotImplementedError

    async def _created(self, path: str, body: Mapping[str, object], callback_url: str | None) -> TaskId:
        """Ask once for a task, and be told its name."""
        sent = dict(body) if callback_url is None else {**body, "callBackUrl": callback_url}
        answer = await self._http.post_once(f"{self._api}{path}", sent)
        if codes.code_of(answer) != 200:
            raise codes.create_error(answer, self._http.clean)
        task_id = records.inside(answer).get("taskId")
        named = task_id.strip() if isinstance(task_id, str) else ""
        if not 0 < len(named) <= TASK_ID_LENGTH or not named.isprintable():
            raise AnswerLostError("the provider accepted the task but did not name it")
        return TaskId(named)

    async def _recorded(self, path: str, task_id: TaskId) -> records.Record | None:
        """The record that one of Kie's APIs has of the task; None when it has none, or none yet."""
        answer = await self._http.get(f"{self._api}{path}", {"taskId": task_id})
        return records.record_in(answer, self._http.clean)

    def _upload_error(self, answer: Answer) -> ProviderError:
        """A refused upload: what is wrong with the file is final, the rest is as for every other call."""
        if codes.code_of(answer) in (400, 413, 415, 422) or answer.status == 413:
            detail = self._http.clean(codes.text_of(answer))
            return ProviderRejectedError(FailureReason.IMAGE, detail)
        return codes.read_error(answer, self._http.clean)
