"""What the host decides about a model stands above its file and above what the provider says."""

from __future__ import annotations

from decimal import Decimal

import pytest

from bot.domain.ids import UserId
from bot.domain.models import Mode, ModelState
from bot.errors.requests import ModelUnavailableError
from bot.ports import Sold
from bot.services.hosting import Owner
from bot.store import hosting
from tests.fakes import KIE
from tests.samples import BILLER, MAKER, OLD
from tests.services.desk import Desk

OWNER = Owner(user_id=UserId(7), is_owner=True)


async def test_paused_model_is_offered_no_more_whatever_the_provider_says(desk: Desk) -> None:
    desk.hosting.listen(lambda terms: desk.availability.decide(terms.models))
    await desk.hosting.set_model(OWNER, MAKER.id, ModelState.PAUSED)

    desk.availability.note(KIE, "maker/text", Sold())

    with pytest.raises(ModelUnavailableError):
        desk.availability.get("maker", Mode.TEXT)
    assert desk.availability.cheapest(Decimal(1)) is None
    await desk.hosting.set_model(OWNER, MAKER.id, None)
    assert desk.availability.get("maker", Mode.TEXT) is MAKER


async def test_model_that_the_file_retires_can_be_brought_back(desk: Desk) -> None:
    desk.hosting.listen(lambda terms: desk.availability.decide(terms.models))

    await desk.hosting.set_model(OWNER, OLD.id, ModelState.LIVE)
    await desk.hosting.set_model(OWNER, BILLER.id, ModelState.LIVE)

    assert desk.availability.get("old", Mode.TEXT) is OLD
    assert [model.id for model in desk.availability.offered()] == ["maker", "old", "biller"]


async def test_state_that_another_version_wrote_is_left_alone(desk: Desk) -> None:
    await desk.hosting.set_model(OWNER, MAKER.id, ModelState.PAUSED)
    await desk.database.write(hosting.set_setting, "model:old", "hibernating", OWNER.user_id, desk.clock.now())

    assert (await desk.hosting.refresh()).models == {"maker": ModelState.PAUSED}
