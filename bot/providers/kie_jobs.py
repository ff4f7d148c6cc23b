"""Kie.ai's Jobs API: one create call and one record for most of the video models that Kie sells."""

from __future__ import annotations

from bot import logs
from bot.domain.ids import ProviderId, TaskId
from bot.errors import AnswerLostError, ProviderAuthError, ProviderError, ProviderUnavailableError
from bot.ports import NotSold, NotVisible, ProbeAnswer, Sold, Submission, TaskStatus
from bot.providers import kie_codes as codes
from bot.providers import kie_records as records
from bot.providers.kie import Kie

# These accept an empty request and bill it (measured by one operator), so they are never asked whether they are sold.
BILLING_SLUGS = frozenset({"grok-imagine/image-to-video"})
BILLING_PREFIXES = ("gpt-image-2-5",)

CREATE = "/api/v1/jobs/createTask"

log = logs.get(__name__)


class KieJobs(Kie):
    """The `Provider` port on Kie's Jobs API."""

    id = ProviderId("kie_jobs")
    _billed_probes: frozenset[str] = frozenset()

    async def create(self, submission: Submission) -> TaskId:
        body = {"model": submission.slug, "input": submission.fields}
        return await self._created(CREATE, body, submission.callback_url)

    async def status(self, task_id: TaskId) -> TaskStatus:
        record = await self._record(task_id)
        if record is None:
            return NotVisible()
        return records.status_of(record, task_id, self._clock.now(), self._http.clean)

    async def _record(self, task_id: TaskId) -> records.Record | None:
        return await self._recorded("/api/v1/jobs/recordInfo", task_id)

    async def probe(self, slug: str) -> ProbeAnswer:
        """Ask with an empty request, which every model but the billing ones refuses before any work.

        Of a model string that would bill for the question nothing is asked: ProviderUnavailableError.
        """
        if slug in BILLING_SLUGS | self._billed_probes or slug.startswith(BILLING_PREFIXES):
            raise ProviderUnavailableError(f"{slug} bills for an empty request, so it is not asked")
        try:
            answer = await self._http.post_once(f"{self._api}{CREATE}", {"model": slug, "input": {}})
        except AnswerLostError as err:
            raise ProviderUnavailableError(str(err)) from err
        code, text = codes.code_of(answer), codes.text_of(answer)
        if code == 200:
            # Once is bad luck, twice would be our fault.
            self._billed_probes |= {slug}
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


def _as_probe_error(err: ProviderError) -> ProviderError:
    """A probe creates nothing, so where a create call would be in doubt a probe just has no answer yet."""
    if isinstance(err, (ProviderAuthError, ProviderUnavailableError)):
        return err
    return ProviderUnavailableError(str(err))
