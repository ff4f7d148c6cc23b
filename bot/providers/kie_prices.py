"""Kie.ai's public price list, which needs no key."""

from __future__ import annotations

from bot.domain.prices import ListedPrice
from bot.errors import ProviderProtocolError
from bot.providers import kie_codes as codes
from bot.providers.kie_fields import number_in
from bot.providers.transport import Transport

PAGE = 100
# Kie sells about 250 models (its list of model paths); more pages than these are a mistake of somebody's.
MOST_PAGES = 20


class KiePrices:
    """The `PriceList` port on the feed that two public clients read (nobody has documented it)."""

    def __init__(self, http: Transport, api_url: str) -> None:
        self._http = http
        self._url = f"{api_url.rstrip('/')}/client/v1/model-pricing/page"

    async def aclose(self) -> None:
        await self._http.aclose()

    async def prices(self) -> list[ListedPrice]:
        """All prices of videos. Raises ProviderError."""
        found: list[ListedPrice] = []
        for number in range(1, MOST_PAGES + 1):
            asked = {"pageNum": number, "pageSize": PAGE, "modelDescription": "", "interfaceType": "video"}
            answer = await self._http.post_once(self._url, asked)
            if codes.code_of(answer) != 200:
                raise codes.read_error(answer, self._http.clean)
            data = (answer.fields or {}).get("data")
            records = data.get("records") if isinstance(data, dict) else None
            if not isinstance(data, dict) or not isinstance(records, list):
                raise ProviderProtocolError("the price list has no records")
            found += [price for record in records if (price := _price(record)) is not None]
            if number >= (number_in(data.get("pages")) or 1):
                break
        return found


def _price(record: object) -> ListedPrice | None:
    """A line that can be read; `usdPrice` has typing errors, says one of the clients, and is left alone."""
    if not isinstance(record, dict):
        return None
    description, credits, unit = (record.get(key) for key in ("modelDescription", "creditPrice", "creditUnit"))
    value = number_in(credits)
    if not isinstance(description, str) or value is None or not 0 < value < 1_000_000:
        return None
    return ListedPrice(description=description, credits=value, unit=unit.lower() if isinstance(unit, str) else "")
