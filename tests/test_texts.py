"""The catalogues have every text of the code, each is true to the English one, and fits where Discord shows it."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

with warnings.catch_warnings():
    # On Python 3.11 and 3.12 the library imports audioop, which 3.13 has dropped.
    warnings.simplefilter("ignore", DeprecationWarning)
    import discord
    from discord.ext import commands

import bot
import cogs
from bot.catalogue import loader
from bot.client import CutsceneClient
from bot.client.command_tree import payload_of
from bot.domain.admission import PolicyRule
from bot.domain.credits import EntryKind
from bot.domain.ids import JobId
from bot.domain.jobs import FailureReason, JobState
from bot.domain.models import FOLLOW_UPS, Mode, VideoModel
from bot.domain.problems import Rule
from bot.domain.videos import VideoRequest
from bot.errors import UserError
from bot.errors.failures import FAILURE_TEXTS
from bot.errors.policies import POLICY_TEXTS
from bot.errors.requests import RULE_TEXTS
from bot.i18n import CATALOGUES, LOCALE_DIR, Texts, texts
from bot.rendering import buttons, choices, replies, rewrites, words
from bot.rendering.model_list import Listed, model_pages
from bot.services.assistance import NoHelp
from cogs.generate.forms import FIELD_LENGTH, PromptForm
from tests.discord_side.making import job as made

ROOT = Path(__file__).parents[1]
# As `make messages` has them; a difference shows in the template.
MARKS = {"N_": None, "_": None, "plural": (1, 2)}
LOCALES = ["en-US", *CATALOGUES]

# Discord's documentation: application commands, buttons, modals, labels.
MAX_DESCRIPTION = 100
MAX_BUTTON = 34  # Where a longer label is cut on phones; 80 are allowed.
MAX_MODAL_TITLE = 45
MAX_LABEL = 45

PLACEHOLDER = re.compile(r"\{(\w+)\}")
CODE = re.compile(r"`[^`]*`")
# What has to be typed or seen exactly so: options by their names, commands, and Discord's small print.
VERBATIM = re.compile(r"\*\*(?:prompt|image|model|\{field\})\*\*|(?<!\w)/[a-z]+|^-# |^> |<@\{\w+\}>", re.MULTILINE)


class Noted:
    """A memory that forgets, for a client that never connects."""

    async def recall(self, key: str) -> str | None:
        return None

    async def remember(self, key: str, value: str) -> None:
        return


def forms(text: str | tuple[str, ...] | list[str] | None) -> tuple[str, ...]:
    """A text alone or with its plurals."""
    return (text,) if isinstance(text, str) else tuple(text or ())


@cache
def extracted() -> set[tuple[str, ...]]:
    """Every text that is marked in the code; looking takes a second."""
    found = set()
    for package in (bot, cogs):
        folder = Path(str(package.__file__)).parent
        for *_, message, _comments, _context in extract_from_dir(folder, [("**.py", "python")], keywords=MARKS):
            found.add(forms(message))
    return found


def read(path: Path, locale: str | None = None) -> Catalog:
    with path.open("rb") as source:
        return read_po(source, locale=locale)


def catalogue_of(locale: str) -> Catalog:
    return read(LOCALE_DIR / CATALOGUES[locale] / "LC_MESSAGES" / "cutscene.po", CATALOGUES[locale])


def messages(catalogue: Iterable[Message]) -> list[Message]:
    return [message for message in catalogue if message.id]


TEMPLATE = {forms(message.id) for message in messages(read(LOCALE_DIR / "cutscene.pot"))}
SINGLE = {one for one, *_ in TEMPLATE}
TRANSLATED = [
    pytest.param(locale, message, id=f"{locale}: {forms(message.id)[0][:50]}")
    for locale in CATALOGUES
    for message in messages(catalogue_of(locale))
]


def dummies(text: str) -> dict[str, object]:
    """A value for each name in *text*, to be found again in what becomes of it."""
    return {name: f"<{name}>" for name in PLACEHOLDER.findall(text)}


def every_subclass(kind: type[UserError]) -> Iterator[type[UserError]]:
    for child in kind.__subclasses__():
        yield child
        yield from every_subclass(child)


def every_module() -> Iterator[Any]:
    for package in (bot, cogs):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            # A program and the frozen migrations have no texts for people, and run when they are imported.
            if not module.name.endswith("__main__") and ".migrations" not in module.name:
                yield importlib.import_module(module.name)


# The catalogues as files.


def test_template_holds_exactly_the_texts_of_the_code() -> None:
    assert extracted() == TEMPLATE, "run `make messages`"
    assert len(TEMPLATE) > 100


@pytest.mark.parametrize("locale", CATALOGUES)
def test_catalogue_holds_exactly_the_texts_of_the_code(locale: str) -> None:
    catalogue = catalogue_of(locale)

    assert {forms(message.id) for message in messages(catalogue)} == TEMPLATE, "run `make messages`"
    assert not catalogue.obsolete


@pytest.mark.parametrize("locale", CATALOGUES)
def test_header_is_short_and_says_nothing_untrue(locale: str) -> None:
    path = LOCALE_DIR / CATALOGUES[locale] / "LC_MESSAGES" / "cutscene.po"

    header, _, rest = path.read_text(encoding="utf-8").partition("\n\n")

    assert f'"Language: {CATALOGUES[locale]}\\n"' in header
    assert '"Content-Type: text/plain; charset=utf-8\\n"' in header
    assert Catalog(locale=CATALOGUES[locale]).plural_forms in header
    assert not re.search(r"PROJECT|ADDRESS|ORGANIZATION|Date:|@", header)
    assert "#, fuzzy" not in rest
    assert "#~" not in rest


@pytest.mark.parametrize("folder", [path.name for path in LOCALE_DIR.iterdir() if path.is_dir()])
def test_every_catalogue_is_used(folder: str) -> None:
    assert folder in CATALOGUES.values()


# Each translation beside its English text.


@pytest.mark.parametrize(("locale", "message"), TRANSLATED)
def test_translation_is_complete_and_true_to_the_english_text(locale: str, message: Message) -> None:
    english, translated = forms(message.id), forms(message.string)
    model = english[-1]

    assert not message.fuzzy
    assert len(translated) == (catalogue_of(locale).num_plurals if message.pluralizable else 1)
    for form in translated:
        assert form.strip()
        assert form not in english
        assert form == form.strip()
        assert Counter(PLACEHOLDER.findall(form)) == Counter(PLACEHOLDER.findall(model))
        assert Counter(CODE.findall(form)) == Counter(CODE.findall(model))
        assert Counter(VERBATIM.findall(form)) == Counter(VERBATIM.findall(model))
        assert form.count("**") == model.count("**")
        assert form.count("\n") == model.count("\n")
        assert "!" not in form and "！" not in form


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("english", sorted(TEMPLATE), ids=lambda english: english[0][:50])
def test_text_can_be_filled_in(locale: str, english: tuple[str, ...]) -> None:
    values = dummies(english[-1])

    if len(english) == 1:
        filled = [texts(locale)(english[0], **values)]
    else:
        del values["count"]
        one, many = english
        filled = [texts(locale).plural(one, many, count, **values) for count in (0, 1, 2, 5, 11, 21, 112, 1_000_000)]

    for text in filled:
        assert all(str(value) in text for value in values.values())
        assert not re.search(r"[{}]", text)


@pytest.mark.parametrize(
    ("locale", "expected"),
    [
        ("en-US", ["0 credits", "1 credit", "2 credits", "5 credits", "11 credits", "21 credits", "112 credits"]),
        ("ru", ["0 кредитов", "1 кредит", "2 кредита", "5 кредитов", "11 кредитов", "21 кредит", "112 кредитов"]),
        ("zh-CN", ["0 积分", "1 积分", "2 积分", "5 积分", "11 积分", "21 积分", "112 积分"]),
    ],
)
def test_credits_are_counted_as_the_language_counts(locale: str, expected: list[str]) -> None:
    assert [words.credits_of(texts(locale), count) for count in (0, 1, 2, 5, 11, 21, 112)] == expected


@pytest.mark.parametrize(
    ("locale", "expected"), [("en-US", "12.3 MB is too large"), ("ru", "12,3 МБ"), ("zh-CN", "12.3 MB 太大")]
)
def test_fractions_are_written_as_the_language_writes_them(locale: str, expected: str) -> None:
    text = texts(locale)(RULE_TEXTS[Rule.IMAGE_BYTES], field="image", given=12.3, limit=10.0)

    assert expected in text
    assert re.search(r"10 (MB|МБ)", text)


def test_every_locale_that_we_do_not_have_reads_english() -> None:
    others = [locale.value for locale in discord.Locale if locale.value not in CATALOGUES]

    assert len(others) == len(discord.Locale) - len(CATALOGUES)
    for locale in [*others, "xx", ""]:
        assert texts(locale)("Model") == "Model"


# Everything that needs a text has one.


def test_every_refusal_has_a_text_that_is_translated() -> None:
    list(every_module())

    refusals = {
        kind.__name__: kind.text for kind in every_subclass(UserError) if kind.__module__.startswith(("bot.", "cogs."))
    }

    # Those that have a text per rule.
    for name in ("InvalidRequestError", "PolicyRefusedError", "InsufficientCreditsError", "PoolEmptyError"):
        assert refusals.pop(name) == ""
    assert "PoolTooSmallError" in refusals and "PictureGoneError" in refusals
    assert {name: text for name, text in refusals.items() if text not in SINGLE} == {}


@pytest.mark.parametrize(
    ("table", "keys"),
    [
        (RULE_TEXTS, Rule),
        (POLICY_TEXTS, PolicyRule),
        (FAILURE_TEXTS, FailureReason),
        (words.STATES, JobState),
        (words.ENTRIES, EntryKind),
        (words.MODES, Mode),
        (rewrites.NO_HELP, NoHelp),
    ],
    ids=["rules", "policies", "failures", "states", "ledger entries", "modes", "no help"],
)
def test_every_kind_of_thing_has_a_text_that_is_translated(table: Mapping[Any, str], keys: Iterable[Any]) -> None:
    assert set(table) == set(keys)
    assert set(table.values()) <= SINGLE


# What Discord has room for.


async def every_command() -> list[dict[str, Any]]:
    """The commands as Discord is told them, of every cog there is."""
    client = CutsceneClient(memory=Noted())
    found = {kind for module in every_module() for kind in vars(module).values() if is_cog(kind, module.__name__)}
    for kind in found:
        # Commands are made before `__init__`, which only takes the services that do the work.
        await client.add_cog(kind.__new__(kind))
    payload = await payload_of(client.tree)
    await client.close()
    return payload


def is_cog(kind: object, module: str) -> bool:
    return inspect.isclass(kind) and issubclass(kind, commands.Cog) and kind.__module__ == module


def every_description(payload: Iterable[Mapping[str, Any]], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    for part in payload:
        name = f"{path} {part['name']}".strip()
        yield name, part
        yield from every_description(part.get("options", ()), name)


async def test_every_description_is_in_every_language_and_fits() -> None:
    described = dict(every_description(await every_command()))

    assert {
        "video",
        "video prompt",
        "jobs list page",
        "credits balance",
        "quota grant reason",
        "models",
        "help",
    } <= set(described)
    for name, part in described.items():
        assert part["description"] in SINGLE, name
        assert 1 <= len(part["description"]) <= MAX_DESCRIPTION, name
        assert set(part["description_localizations"]) == set(CATALOGUES), name
        assert all(1 <= len(text) <= MAX_DESCRIPTION for text in part["description_localizations"].values()), name
        # Texts speak of `/video`: names are the same for everybody.
        assert not part.get("name_localizations"), name


@pytest.mark.parametrize("locale", LOCALES)
async def test_button_labels_fit(locale: str) -> None:
    told, job = texts(locale), JobId(12)

    labels = [
        item.label or ""
        for view in (
            buttons.of_waiting(told, job),
            buttons.of_result(told, job, FOLLOW_UPS),
            buttons.of_failure(told, made(JobState.FAILED, failure=FailureReason.TIMEOUT)),
            buttons.of_link(told, "https://example.com/"),
            buttons.of_reports(told, [job]),
            buttons.of_job_file(told, job, can_redeliver=True, can_refund=True, can_cancel=True, can_block=True),
            replies.page_buttons(told, "page:jobs", 2, has_more=True) or discord.ui.View(),
        )
        for item in view.children
        if isinstance(item, discord.ui.Button)
    ]

    assert len(labels) == 18
    assert all(1 <= len(label) <= MAX_BUTTON for label in labels)


@pytest.mark.parametrize("locale", LOCALES)
async def test_form_for_another_prompt_fits(locale: str) -> None:
    request = VideoRequest(prompt="a" * (FIELD_LENGTH + 1), model=next(iter(own_models())).id)

    async def done(_interaction: discord.Interaction, _request: VideoRequest) -> None:
        raise AssertionError("nobody sends it")

    form = PromptForm(request, texts(locale), done)

    labels = [item.text for item in form.children if isinstance(item, discord.ui.Label)]
    assert 1 <= len(form.title) <= MAX_MODAL_TITLE
    assert len(labels) == 2
    assert all(1 <= len(label) <= MAX_LABEL for label in labels)


@pytest.mark.parametrize("locale", LOCALES)
def test_suggested_models_show_name_price_and_time_in_full(locale: str) -> None:
    told: Texts = texts(locale)

    for model in own_models():
        name = choices.model_choice(told, model, 100_000, timedelta(minutes=59), needs_image=True)

        assert len(name) <= choices.MAX_NAME
        assert name.startswith(f"{model.name} · ")
        assert words.credits_of(told, 100_000) in name


@pytest.mark.parametrize("locale", LOCALES)
def test_help_and_model_list_fit(locale: str) -> None:
    catalogue = loader.load().catalogue
    listed = [Listed(model=model, modes=list(model.modes), typical=model.typical) for model in own_models()]

    pages = model_pages(texts(locale), listed, catalogue, Decimal(1))

    long_mentions = {name: f"</{name}:{2**63}>" for name in replies.HELP_COMMANDS.values()}
    for embed in [*pages, replies.help_page(texts(locale), long_mentions)]:
        assert len(embed) <= 6000
        assert len(embed.description or "") <= 4096
        assert all(len(field.value or "") <= 1024 for field in embed.fields)
        # Nothing of what a model can do was cut off.
        assert not any((field.value or "").endswith("…") for field in embed.fields)


def own_models() -> list[VideoModel]:
    return list(loader.load().catalogue.models.values())
