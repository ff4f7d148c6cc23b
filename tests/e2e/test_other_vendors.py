"""The product's one job at the other vendors: the real bot, a local version of each, and a refund when it refuses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from io import StringIO
from pathlib import Path

import pytest

from bot.catalogue import loader
from bot.domain.jobs import FailureReason, JobState
from sandbox.google_server import GoogleServer
from sandbox.huggingface_server import HuggingFaceServer
from sandbox.kie_server import LostAnswer
from sandbox.person import Person
from sandbox.replicate_server import ReplicateServer
from sandbox.vendors import Call, Plan, VendorServer
from tests.e2e.conftest import BugWatch
from tests.e2e.stage import FOX, Stage, opened
from tests.media.drawings import drawn

DOCS = Path(__file__).parents[2] / "docs" / "catalogue.md"
OURS = Path(loader.__file__).parent

World = Callable[..., AbstractAsyncContextManager[Stage]]


def example(name: str) -> str:
    """The file that the page about the catalogue shows after its name."""
    return DOCS.read_text().split(f"`{name}`", 1)[1].split("```toml\n", 1)[1].split("```", 1)[0]


@pytest.fixture
def world_of(tmp_path: Path, migrated_file: Path, log: StringIO, bugs: BugWatch) -> World:
    @asynccontextmanager
    async def world(server: VendorServer, models: dict[str, str], **environ: str) -> AsyncIterator[Stage]:
        async with server, opened(tmp_path, migrated_file, **environ) as stage:
            for name, value in environ.items():
                stage.environ[name] = value.format(url=server.url, key=server.key)
            folder = tmp_path / "data" / "catalogue"
            folder.mkdir()
            for name, content in models.items():
                (folder / name).write_text(content)
            await stage.start()
            yield stage
            await stage.stop()
            assert await stage.differences() == []
            assert server.leaks + stage.discord.leaks == []
        assert bugs.met == [], log.getvalue()

    return world


async def plays_the_usual_three(stage: Stage, server: VendorServer, ada: Person, model: str, **options: int) -> None:
    """A video from words, one from a picture, and one that the vendor's filter holds back."""
    before = await stage.balance(ada)
    await ada.types("/video", prompt=FOX, model=model, **options)
    await stage.until_state(JobState.DELIVERED, number=1, passing=1)
    await ada.types("/video", prompt="It sails away", model=model, image=drawn("JPEG", (640, 360)), **options)
    await stage.until_state(JobState.DELIVERED, number=2, passing=1)
    paid = before - await stage.balance(ada)
    server.plan(Plan(is_filtered=True))
    await ada.types("/video", prompt=FOX, model=model, **options)
    refused = await stage.until_state(JobState.FAILED, number=3, passing=1)

    assert len(stage.videos()) == 2
    assert len(server.works) == 3
    assert paid > 0
    assert before - await stage.balance(ada) == paid
    assert refused.failure in {
        FailureReason.MODERATION,
        FailureReason.MODERATION_PROMPT,
        FailureReason.MODERATION_RESULT,
        FailureReason.REJECTED,
    }


async def test_omni_makes_videos_and_refuses_in_words(world_of: World) -> None:
    google = GoogleServer(seconds=0.05)
    async with world_of(google, {}, GOOGLE_API_KEY="{key}", GOOGLE_BASE_URL="{url}") as stage:
        ada = stage.joins("Ada")

        await plays_the_usual_three(stage, google, ada, "google-omni-1-2")


async def test_veo_is_revived_by_a_file_and_its_downloads_never_take_the_key_elsewhere(world_of: World) -> None:
    google = GoogleServer(seconds=0.05)
    google.files.redirects = True
    google.veo.sold.add("veo-3.1-fast-generate-preview")
    ours = (OURS / "google-veo-3-1-fast.toml").read_text()
    revived = ours.replace('state = "retired"', 'state = "live"')
    models = {"google-veo-3-1-fast.toml": revived}
    async with world_of(google, models, GOOGLE_API_KEY="{key}", GOOGLE_BASE_URL="{url}") as stage:
        ada = stage.joins("Ada")

        await plays_the_usual_three(stage, google, ada, "google-veo-3-1-fast", duration=4)

    downloads = [seen for seen in google.requests if seen.call is Call.RESULT]
    with_key = {seen.path.startswith("/v1beta/files/") for seen in downloads if "x-goog-api-key" in seen.headers}
    without = {seen.path.startswith("/workers/") for seen in downloads if "x-goog-api-key" not in seen.headers}
    assert (with_key, without) == ({True}, {True})


async def test_replicate_runs_the_example_of_the_page(world_of: World) -> None:
    replicate = ReplicateServer(seconds=0.05)
    models = {"replicate-clip.toml": example("replicate-clip.toml")}
    async with world_of(replicate, models, REPLICATE_API_TOKEN="{key}", REPLICATE_BASE_URL="{url}") as stage:
        ada = stage.joins("Ada")

        await plays_the_usual_three(stage, replicate, ada, "replicate-clip")


async def test_hugging_face_runs_the_example_of_the_page(world_of: World) -> None:
    hub = HuggingFaceServer(seconds=0.05)
    models = {"hf-clip.toml": example("hf-clip.toml")}
    async with world_of(hub, models, HF_API_TOKEN="{key}", HF_BASE_URL="{url}") as stage:
        ada = stage.joins("Ada")

        await plays_the_usual_three(stage, hub, ada, "hf-clip")


async def test_create_call_whose_answer_is_lost_is_never_sent_again(world_of: World) -> None:
    replicate = ReplicateServer(seconds=0.05)
    models = {"replicate-clip.toml": example("replicate-clip.toml")}
    async with world_of(replicate, models, REPLICATE_API_TOKEN="{key}", REPLICATE_BASE_URL="{url}") as stage:
        ada = stage.joins("Ada")
        before = await stage.balance(ada)
        replicate.faults.add(Call.CREATE, LostAnswer())

        await ada.types("/video", prompt=FOX, model="replicate-clip")
        unknown = await stage.until_state(JobState.UNKNOWN)
        failed = await stage.until_state(JobState.FAILED, passing=600)

        assert unknown.task_id is None
        assert failed.failure is FailureReason.NO_ANSWER
        assert replicate.counts[Call.CREATE] == 1
        assert await stage.balance(ada) == before
