"""A local Kie.ai on three origins: the API, the upload host and the host of results."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections import Counter, deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web

from sandbox.kie_server.account_api import AccountAPI
from sandbox.kie_server.accounts import Account
from sandbox.kie_server.agenda import Agenda, Clock
from sandbox.kie_server.answers import upload_envelope
from sandbox.kie_server.callbacks import Callbacks, Delivery
from sandbox.kie_server.faults import Call, Faults
from sandbox.kie_server.gate import Gate, Seen
from sandbox.kie_server.jobs_api import JobsAPI
from sandbox.kie_server.limits import Limits, SlidingWindow
from sandbox.kie_server.production import Production
from sandbox.kie_server.registry import Models
from sandbox.kie_server.result_host import ResultHost
from sandbox.kie_server.runway_api import RunwayAPI
from sandbox.kie_server.scenarios import Scenarios, Unseen
from sandbox.kie_server.shooting import Camera
from sandbox.kie_server.storage import Storage, Stored
from sandbox.kie_server.tasks import Task
from sandbox.kie_server.upload_api import UploadAPI
from sandbox.kie_server.veo_api import VeoAPI
from sandbox.listening import Origins
from sandbox.movies import MovieSize, MovieStudio, shared_studio
from sandbox.strangers import Leak, Stranger

# The largest JSON body is a base64 upload; 10 MB are recommended, a third more when encoded.
_MAX_BODY = 20_000_000
_SHUTDOWN = 0.5


class KieServer:
    """Start it, point a client at its three addresses, and ask it afterwards what it has seen."""

    def __init__(
        self,
        *,
        api_key: str = "kie-sandbox-key",
        clock: Clock = time.time,
        balance: float = 10_000.0,
        seconds: float = 0.3,
        limits: Limits | None = None,
        webhook_key: str | None = None,
        callback_pause: float = 0.2,
        refund_delay: float = 1.0,
        latency: float = 0.0,
        movie_size: MovieSize = MovieSize.DRAFT,
        studio: MovieStudio | None = None,
        directory: Path | None = None,
    ) -> None:
        limits = limits or Limits()
        self.api_key = api_key
        self.models = Models()
        self.scenarios = Scenarios()
        self.faults = Faults()
        self.api_url = self.upload_url = self.result_url = ""
        self._own_directory = None if directory else Path(tempfile.mkdtemp(prefix="sandbox-kie-"))
        self._storage = Storage(directory or self._own_directory or Path(), clock)
        self.account = Account(balance, clock, refund_delay)
        self._agenda = Agenda(clock)
        self._callbacks = Callbacks(clock, webhook_key, callback_pause)
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="kie-movies")
        self._production = Production(
            clock=clock,
            agenda=self._agenda,
            account=self.account,
            storage=self._storage,
            camera=Camera(self._storage, studio or shared_studio(), movie_size, self._executor),
            callbacks=self._callbacks,
            scenarios=self.scenarios,
            usual_seconds=seconds,
            max_running=limits.running,
        )
        self._gate = Gate(clock=clock, api_key=api_key, faults=self.faults, latency=latency)
        self._jobs = JobsAPI(self.models, self._production, clock)
        self.veo = VeoAPI(self._production, clock)
        self.runway = RunwayAPI(self._production, clock)
        self._creates = SlidingWindow(limits.creates, limits.creates_window, clock)
        self._records = SlidingWindow(limits.records, limits.records_window, clock)
        self._stranger = Stranger(api_key)
        self._apps = (self._api(), self._upload_host(clock), self._result_host(clock))
        self._origins = Origins(patience=_SHUTDOWN)

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen on three ports: *port* and the two after it, or any three free ones."""
        try:
            origins = [
                await self._origins.open(app, host, port + number if port else 0)
                for number, app in enumerate(self._apps)
            ]
        except OSError:
            await self.close()
            raise
        self.api_url, self.upload_url, self.result_url = origins
        self._storage.origin = self.result_url
        self._agenda.start()

    async def close(self) -> None:
        """Stop at once: slow answers end, unfinished tasks are forgotten, files go. Safe to repeat."""
        self._gate.closing.set()
        async with AsyncExitStack() as last:  # everything is closed even when a part of it cannot be
            if self._own_directory is not None:
                last.push_async_callback(asyncio.to_thread, shutil.rmtree, self._own_directory, ignore_errors=True)
            last.push_async_callback(asyncio.to_thread, self._executor.shutdown, wait=True, cancel_futures=True)
            last.push_async_callback(self._callbacks.close)
            last.push_async_callback(self._agenda.close)
            last.push_async_callback(self._origins.close)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def tasks(self) -> list[Task]:
        """Every task that was ever accepted, oldest first."""
        return list(self._production.tasks.values())

    @property
    def uploads(self) -> list[Stored]:
        return self._storage.uploads

    @property
    def requests(self) -> deque[Seen]:
        """The latest requests, whatever became of them."""
        return self._gate.requests

    @property
    def leaks(self) -> list[Leak]:
        """Requests that brought a key to the host of results, where it has no business."""
        return self._stranger.leaks

    @property
    def callbacks(self) -> deque[Delivery]:
        """The latest attempts to call a client back."""
        return self._callbacks.deliveries

    @property
    def counts(self) -> Counter[Call]:
        """How many requests of each kind there were."""
        return self._gate.counts

    @property
    def peaks(self) -> Counter[Call]:
        """The most requests of each kind that were open at the same time."""
        return self._gate.peaks

    @property
    def peak_running(self) -> int:
        """The most tasks that were unfinished at the same time."""
        return self._production.peak_running

    @property
    def has_http_status(self) -> bool:
        """Whether errors carry their code as HTTP status too."""
        return self._gate.has_http_status

    @has_http_status.setter
    def has_http_status(self, value: bool) -> None:
        self._gate.has_http_status = value

    @property
    def unknown_task(self) -> Unseen:
        """How recordInfo answers for ids that were never given out."""
        return self._jobs.unknown

    @unknown_task.setter
    def unknown_task(self, how: Unseen) -> None:
        self._jobs.unknown = how

    def _api(self) -> web.Application:
        guard, account = self._gate.guard, AccountAPI(self.account, self.models, self._storage)
        veo, runway = self.veo, self.runway
        app = web.Application(client_max_size=_MAX_BODY)
        app.add_routes(
            [
                web.post("/api/v1/jobs/createTask", guard(Call.CREATE, self._jobs.create, window=self._creates)),
                web.get("/api/v1/jobs/recordInfo", guard(Call.RECORD, self._jobs.record, window=self._records)),
                web.get("/api/v1/chat/credit", guard(Call.CREDIT, account.credit)),
                web.post("/api/v1/common/download-url", guard(Call.DOWNLOAD_LINK, account.download_link)),
                web.post("/api/v1/veo/generate", guard(Call.CREATE, veo.generate, window=self._creates)),
                web.get("/api/v1/veo/record-info", guard(Call.RECORD, veo.record, window=self._records)),
                web.post("/api/v1/veo/extend", guard(Call.CREATE, veo.extend, window=self._creates)),
                web.get("/api/v1/veo/get-1080p-video", guard(Call.UPGRADE, veo.hd)),
                web.post("/api/v1/veo/get-4k-video", guard(Call.UPGRADE, veo.uhd)),
                web.post("/api/v1/runway/generate", guard(Call.CREATE, runway.generate, window=self._creates)),
                web.post("/api/v1/runway/extend", guard(Call.CREATE, runway.extend, window=self._creates)),
                web.get("/api/v1/runway/record-detail", guard(Call.RECORD, runway.record, window=self._records)),
                web.post("/api/v1/aleph/generate", guard(Call.CREATE, runway.edit, window=self._creates)),
                web.get("/api/v1/aleph/record-info", guard(Call.RECORD, runway.edit_record, window=self._records)),
                web.post("/client/v1/model-pricing/page", guard(Call.CATALOGUE, account.prices, is_public=True)),
                web.get("/api/v1/playground/model-paths", guard(Call.CATALOGUE, account.model_paths, is_public=True)),
            ]
        )
        return app

    def _upload_host(self, clock: Clock) -> web.Application:
        guard, api = self._gate.guard, UploadAPI(self._storage, clock)
        app = web.Application(client_max_size=_MAX_BODY)
        for path, handler in (("stream", api.stream), ("base64", api.base64), ("url", api.url)):
            app.router.add_post(f"/api/file-{path}-upload", guard(Call.UPLOAD, handler, wrap=upload_envelope))
        return app

    def _result_host(self, clock: Clock) -> web.Application:
        guard, host = self._gate.guard, ResultHost(self._storage, clock, self._gate)
        app = web.Application(middlewares=[self._stranger.guard])
        app.router.add_get("/temporary/{token}", guard(Call.RESULT, host.behind_link, is_public=True))
        app.router.add_get("/{path:.+}", guard(Call.RESULT, host.file, is_public=True))
        return app
