"""The product's one job with other providers than Kie: the real bot, a local gateway, and the file of a host's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from bot.domain.jobs import FailureReason, JobState
from sandbox.imgbb_server import ImgbbServer
from sandbox.openai_server import OpenAIServer
from sandbox.vendors import Call, Plan, VendorServer
from sandbox.xai_server import XAIServer
from tests.e2e.conftest import BugWatch
from tests.e2e.stage import FOX, Stage, asks, opened
from tests.media.drawings import drawn

DOCS = Path(__file__).parents[2] / "docs" / "catalogue.md"
GATE_MODEL = "wan-gate"

World = Callable[..., AbstractAsyncContextManager[tuple[Stage, Any]]]


def example_of_a_gateway() -> str:
    """The file that the page about the catalogue shows, so that the page is tried out, too."""
    return DOCS.read_text().split(f"`{GATE_MODEL}.toml`", 1)[1].split("```toml\n", 1)[1].split("```", 1)[0]


@pytest.fixture
def world_of(tmp_path: Path, migrated_file: Path, log: StringIO, bugs: BugWatch) -> World:
    @asynccontextmanager
    async def world(make: Callable[..., VendorServer], **environ: str) -> AsyncIterator[tuple[Stage, VendorServer]]:
        async with opened(tmp_path, migrated_file) as stage, make(clock=stage.clock.timestamp, seconds=0.05) as server:
            del stage.environ["KIE_API_KEY"]
            stage.environ |= {name: value.format(url=server.url, key=server.key) for name, value in environ.items()}
            folder = tmp_path / "data" / "catalogue"
            folder.mkdir()
            (folder / f"{GATE_MODEL}.toml").write_text(example_of_a_gateway())
            yield stage, server
            await stage.stop()
            assert await stage.differences() == []
            assert server.leaks + stage.discord.leaks == []
        assert bugs.met == [], log.getvalue()

    return world


async def test_a_gateway_of_openais_shape_makes_videos_and_its_webhooks_bring_them_forward(world_of: World) -> None:
    async with world_of(OpenAIServer, OPENAI_API_KEY="{key}", OPENAI_BASE_URL="{url}/v1") as (stage, gateway):
        gateway.sizes = {"wan-2.6": ("1280x720", "720x1280")}
        gateway.lengths = ["5", "10"]
        gateway.first_status = "submitted"
        stage.environ["OPENAI_WEBHOOK_KEY"] = gateway.webhooks.secret
        gateway.webhook_url = f"{stage.environ['PUBLIC_URL']}/callbacks/openai_videos"
        await stage.start()
        ada = stage.joins("Ada")
        before = await stage.balance(ada)

        await ada.types("/video", prompt=FOX, model=GATE_MODEL)
        await stage.until_state(JobState.DELIVERED, passing=1)
        await ada.types("/video", prompt="It sails away", model=GATE_MODEL, image=drawn("JPEG", (1280, 720)))
        await stage.until_state(JobState.DELIVERED, number=2, passing=1)
        paid = before - await stage.balance(ada)
        gateway.plan(Plan(is_filtered=True))
        await ada.types("/video", prompt=FOX, model=GATE_MODEL)
        refused = await stage.until_state(JobState.FAILED, number=3, passing=1)
        lost = before - await stage.balance(ada)

    assert len(stage.videos()) == 2
    assert [work.body["seconds"] for work in gateway.works] == ["5", "5", "5"]
    assert paid == 2 * 5 * 20
    assert refused.failure is FailureReason.MODERATION
    assert lost == paid
    # The files are the key's alone: nobody was sent anywhere else for them.
    assert all(seen.headers.get("authorization") for seen in gateway.requests if seen.call is Call.RESULT)
    assert [delivery.status for delivery in gateway.webhooks.deliveries] == [200, 200, 200]


async def test_grok_at_xai_makes_videos_from_words_and_from_pictures(world_of: World) -> None:
    async with world_of(XAIServer, XAI_API_KEY="{key}", XAI_BASE_URL="{url}/v1") as (stage, grok):
        await stage.start()
        ada = stage.joins("Ada")
        before = await stage.balance(ada)

        await ada.types("/video", prompt=FOX)
        await stage.until_state(JobState.DELIVERED, passing=1)
        await ada.types("/video", prompt="It sails away", image=drawn("JPEG", (640, 360)))
        await stage.until_state(JobState.DELIVERED, number=2, passing=1)
        models = await asks(ada, "/models")
        paid = before - await stage.balance(ada)

    assert len(stage.videos()) == len(grok.works) == 2
    assert paid == 2 * 6 * 10
    # What is not set up does not exist for members.
    assert "Grok Imagine (xAI)" in models.text()
    assert "Seedance" not in models.text()
    assert "Wan" not in models.text()


async def test_a_gateway_that_takes_addresses_gets_them_from_imgbb_which_forgets_the_picture(world_of: World) -> None:
    async with (
        world_of(OpenAIServer, OPENAI_API_KEY="{key}", OPENAI_BASE_URL="{url}/v1") as (stage, gateway),
        ImgbbServer(clock=stage.clock.timestamp) as imgbb,
    ):
        gateway.sizes, gateway.lengths = {"wan-2.6": ("1280x720", "720x1280")}, ["5", "10"]
        stage.environ |= {"IMGBB_API_KEY": imgbb.key, "IMGBB_BASE_URL": imgbb.url}
        await stage.start()
        ada = stage.joins("Ada")

        await ada.types("/video", prompt="It sails away", model=GATE_MODEL, image=drawn("JPEG", (1280, 720)))
        await stage.until_state(JobState.DELIVERED, passing=1)

        reference = gateway.works[0].body["input_reference"]
        assert isinstance(reference, dict)
        assert str(reference["image_url"]).startswith(f"{imgbb.result_url}/")
        assert imgbb.counts[Call.UPLOAD] == 1
        assert [upload.lifetime for upload in imgbb.storage.uploads] == [6 * 3600.0]
