"""Replicate: a prediction is made, watched or waited for, and its output fetched within the hour."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import httpx

from bot.domain.ids import ProviderId, TaskId
from bot.domain.jobs import FailureReason
from bot.errors import AnswerLostError, ProviderError, ProviderProtocolError, ProviderRejectedError
from bot.ports import NotSold, NotVisible, ProbeAnswer, Reference, Sold, Submission, TaskStatus, Terms
from bot.providers import plain_codes as codes
from bot.providers.adapter import Adapter
from bot.providers.addresses import web_address
from bot.providers.replicate_records import RESULTS_KEPT, status_of, text_of
from bot.providers.transport import Answer, Timeouts, Transport

# Without a word from us a prediction runs, and is billed, for as long as its model likes. No model of ours is waited
# for longer than this, and what comes later is gone before anybody looks again.
CANCEL_AFTER = "2h"

# The rates are in no source that was read, so these are careful guesses.
TERMS = Terms(
    creates=10,
    creates_window=timedelta(seconds=10),
    running=20,
    queries_per_second=5,
    records_kept=timedelta(hours=3),
    results_kept=RESULTS_KEPT,
    has_free_probe=True,
)

_NAME = re.compile(r"[a-z0-9]{1,64}")
_VERSION = re.compile(r"[0-9a-f]{64}")


class Replicate(Adapter):
    """The `Provider` port on predictions. A model string is `owner/name`, or the 64 digits of a version."""

    id = ProviderId("replicate")
    terms = TERMS

    def __init__(
        self,
        *,
        api_token: str,
        base_url: str,
        timeouts: Timeouts | None = None,
        inner: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """*base_url* is a bare origin; *inner* replaces the network in tests."""
        super().__init__(Transport(key=api_token, timeouts=timeouts, inner=inner))
        self._api = f"{base_url.rstrip('/')}/v1"

    async def upload(self, path: Path, content_type: str) -> Reference:
        """Bring a picture to Replicate's own file store, as its Python client does; it goes away by itself."""
        name = f"{secrets.token_hex(16)}.{content_type.rpartition('/')[2]}"
        answer = await self._http.post_file(
            f"{self._api}/files", path, name=name, content_type=content_type, field="content"
        )
        if answer.status in (400, 413, 415, 422):
            raise ProviderRejectedError(FailureReason.IMAGE, self._http.clean(text_of(answer)))
        if answer.status not in (200, 201):
            raise self._read_error(answer)
        urls = (answer.fields or {}).get("urls")
        url = web_address(urls.get("get")) if isinstance(urls, dict) else None
        if url is None:
            raise ProviderProtocolError("Replicate took the picture but did not say where it is")
        return url

    async def create(self, submission: Submission) -> TaskId:
        body: dict[str, object] = {"input": dict(submission.fields)}
        if _VERSION.fullmatch(submission.slug):
            path, body["version"] = "/predictions", submission.slug
        else:
            path = f"/models/{submission.slug}/predictions"
        # It refuses the whole request over an address that is not HTTPS.
        if submission.callback_url is not None and submission.callback_url.startswith("https://"):
            body["webhook"] = submission.callback_url
            # The start is told at once, so it names a task whose create call was never answered.
            body["webhook_events_filter"] = ["start", "completed"]
        answer = await self._http.post_once(self._api + path, body, {"Cancel-After": CANCEL_AFTER})
        if answer.status not in (200, 201, 202):
            raise codes.create_error(answer, text_of(answer), self._http.clean)
        name = (answer.fields or {}).get("id")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise AnswerLostError("Replicate accepted the prediction but did not name it")
        return TaskId(name)

    async def status(self, task_id: TaskId) -> TaskStatus:
        record = await self._record(task_id)
        if record is None:
            return NotVisible()
        return status_of(record, self._http.clean)

    async def callback_url(self, task_id: TaskId) -> str | None:
        # No page shows the webhook among a prediction's fields; should it be there, it is looked at.
        webhook = (await self._record(task_id) or {}).get("webhook")
        return webhook if isinstance(webhook, str) else None

    async def cancel(self, task_id: TaskId) -> bool:
        answer = await self._http.post(f"{self._api}/predictions/{_checked(task_id)}/cancel")
        if answer.status not in (200, 201, 202):
            if answer.status == 404 and answer.fields is not None:
                return False
            raise self._read_error(answer)
        return (answer.fields or {}).get("status") in ("canceled", "aborted")

    async def probe(self, slug: str) -> ProbeAnswer:
        if _VERSION.fullmatch(slug):
            return Sold()  # a version alone names no model that could be asked about
        answer = await self._http.get(f"{self._api}/models/{slug}")
        if answer.status == 200:
            return Sold()
        if answer.status == 404 and answer.fields is not None:
            return NotSold(is_known=False, detail=self._http.clean(text_of(answer)))
        raise self._read_error(answer)

    async def credits(self) -> float | None:
        """Replicate names no balance; the account's own record tells whether the token is taken."""
        answer = await self._http.get(f"{self._api}/account")
        if answer.status != 200:
            raise self._read_error(answer)
        return None

    async def _record(self, task_id: TaskId) -> Mapping[str, object] | None:
        answer = await self._http.get(f"{self._api}/predictions/{_checked(task_id)}")
        if answer.status == 404 and answer.fields is not None:
            return None
        if answer.status != 200 or answer.fields is None:
            raise self._read_error(answer)
        return answer.fields

    def _read_error(self, answer: Answer) -> ProviderError:
        return codes.read_error(answer, text_of(answer), self._http.clean)


def _checked(task_id: TaskId) -> str:
    if not _NAME.fullmatch(task_id):
        raise ProviderProtocolError("the task's name is not that of a prediction")
    return task_id
