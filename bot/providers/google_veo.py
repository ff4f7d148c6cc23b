"""Veo through the Gemini API: a create call starts a long-running operation, which is looked at until it is done."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta

from bot.domain.ids import ProviderId, TaskId
from bot.domain.jobs import FailureReason, Result
from bot.errors import AnswerLostError, ProviderProtocolError
from bot.ports import Done, Empty, LocalFile, NotVisible, Pending, Refused, Submission, TaskStatus, Terms
from bot.providers import plain_codes as codes
from bot.providers.addresses import web_address
from bot.providers.failure_texts import reason_in
from bot.providers.google import GoogleAdapter, encoded

# What describes the video itself; everything else is a parameter.
_INSTANCE = frozenset({"prompt", "image", "lastFrame"})
_OPERATION = re.compile(r"models/[\w.-]{1,80}/operations/[\w-]{1,80}", re.ASCII)

# Google's limits differ by account and are in no source that was read, so these are careful guesses. Videos are kept
# for two days (documentation of Veo).
TERMS = Terms(
    creates=5,
    creates_window=timedelta(seconds=60),
    running=10,
    queries_per_second=2,
    records_kept=timedelta(days=2),
    results_kept=timedelta(days=2),
    has_free_probe=True,
    has_public_links=False,
    account="google",
)


class GoogleVeo(GoogleAdapter):
    """The `Provider` port on `predictLongRunning`. A task is known by the operation's whole name."""

    id = ProviderId("google_veo")
    terms = TERMS

    async def create(self, submission: Submission) -> TaskId:
        instance: dict[str, object] = {}
        parameters: dict[str, object] = {}
        for name, value in submission.fields.items():
            part = instance if name in _INSTANCE else parameters
            if isinstance(value, LocalFile):
                part[name] = {"bytesBase64Encoded": await encoded(value), "mimeType": value.content_type}
            elif name == "referenceImages" and isinstance(value, list):
                instance[name] = [await _reference(each) for each in value if isinstance(each, LocalFile)]
            else:
                part[name] = value
        body = {"instances": [instance], "parameters": parameters}
        answer = await self._http.post_once(f"{self._api}/models/{submission.slug}:predictLongRunning", body)
        if answer.status != 200:
            raise self._create_error(answer)
        operation = (answer.fields or {}).get("name")
        if not isinstance(operation, str) or not _OPERATION.fullmatch(operation):
            raise AnswerLostError("Google accepted the task but did not name its operation")
        return TaskId(operation)

    async def status(self, task_id: TaskId) -> TaskStatus:
        if not _OPERATION.fullmatch(task_id):
            raise ProviderProtocolError("the task's name is not that of an operation")
        answer = await self._http.get(f"{self._api}/{task_id}")
        if answer.status == 404 and answer.fields is not None:
            return NotVisible()
        if answer.status != 200 or answer.fields is None:
            raise self._read_error(answer)
        if answer.fields.get("done") is not True:
            return Pending()
        error = answer.fields.get("error")
        if isinstance(error, dict):
            text = str(error.get("message", ""))
            return Refused(reason=codes.task_fault(text), detail=self._http.clean(f"[{error.get('code')}] {text}"))
        return self._outcome(answer.fields.get("response"))

    def _outcome(self, response: object) -> TaskStatus:
        made = response.get("generateVideoResponse") if isinstance(response, dict) else None
        if not isinstance(made, dict):
            return Empty(detail="the operation is done, without a response")
        address = next(_addresses(made), None)
        if address is not None:
            return Done(result=Result(url=address))
        if made.get("raiMediaFilteredCount"):
            reasons = made.get("raiMediaFilteredReasons")
            text = " ".join(str(each) for each in reasons) if isinstance(reasons, list) else ""
            # Rendered, and then held back: what the filter's text does not name was seen in the result.
            named = reason_in(text)
            reason = named if named in _NAMED else FailureReason.MODERATION_RESULT
            return Refused(reason=reason, detail=self._http.clean(f"filtered: {text}"))
        return Empty(detail="the operation is done, without a video")


# What a filter's text may say more exactly. "Generated" stands in all of them, so MODERATION alone says nothing.
_NAMED = frozenset(
    {
        FailureReason.MODERATION_PROMPT,
        FailureReason.MODERATION_IMAGE,
        FailureReason.PERSON,
        FailureReason.AUDIO,
    }
)


async def _reference(picture: LocalFile) -> Mapping[str, object]:
    image = {"bytesBase64Encoded": await encoded(picture), "mimeType": picture.content_type}
    return {"image": image, "referenceType": "asset"}


def _addresses(made: Mapping[str, object]) -> Iterator[str]:
    samples = made.get("generatedSamples")
    for sample in samples if isinstance(samples, list) else []:
        video = sample.get("video") if isinstance(sample, dict) else None
        uri = web_address(video.get("uri")) if isinstance(video, dict) else None
        if uri is not None:
            yield uri
