"""What the provider tells about the account, its prices and its models, and the links it makes to its files."""

from __future__ import annotations

from collections.abc import Iterator

from aiohttp import web

from sandbox.kie_server.accounts import Account
from sandbox.kie_server.answers import RefusedError, success
from sandbox.kie_server.jobs_api import read_object
from sandbox.kie_server.models import PRESENT, Rate
from sandbox.kie_server.registry import Models
from sandbox.kie_server.storage import Storage

USD_PER_CREDIT = 0.005


class AccountAPI:
    def __init__(self, account: Account, models: Models, storage: Storage) -> None:
        self._account = account
        self._models = models
        self._storage = storage

    async def credit(self, request: web.Request) -> web.Response:
        return success(self._account.balance)

    async def download_link(self, request: web.Request) -> web.Response:
        url = (await read_object(request)).get("url")
        if not isinstance(url, str) or not self._storage.is_own(url):
            raise RefusedError(422, "url is wrong")
        return success(self._storage.link_to(url))

    async def prices(self, request: web.Request) -> web.Response:
        asked = await read_object(request)
        number, size = asked.get("pageNum", 1), asked.get("pageSize", 10)
        if not isinstance(number, int) or not isinstance(size, int) or number < 1 or size < 1:
            raise RefusedError(400, "pageNum and pageSize must be positive")
        wanted, kind = str(asked.get("modelDescription") or "").lower(), asked.get("interfaceType")
        records = [
            record
            for record in self._price_records()
            if wanted in str(record["modelDescription"]).lower() and kind in ("", None, record["interfaceType"])
        ]
        pages = -(-len(records) // size)
        page = records[(number - 1) * size : number * size]
        return success({"records": page, "total": len(records), "size": size, "current": number, "pages": pages})

    async def model_paths(self, request: web.Request) -> web.Response:
        return success([model.slug for model in self._models])

    def _price_records(self) -> Iterator[dict[str, object]]:
        for model in self._models:
            if not model.is_paused:
                for rate in model.rates:
                    yield {
                        "modelDescription": ", ".join([model.slug, *_conditions(rate)]),
                        "interfaceType": "video",
                        "creditPrice": f"{rate.credits:g}",
                        "creditUnit": "per second" if rate.is_per_second else "per video",
                        "usdPrice": f"{rate.credits * USD_PER_CREDIT:g}",
                    }


def _conditions(rate: Rate) -> Iterator[str]:
    for name, value in rate.when.items():
        if value is PRESENT:
            yield f"with {name}"
        elif isinstance(value, bool):
            yield f"{'with' if value else 'without'} {name}"
        else:
            yield str(value)
