"""The log: one shape for everybody's lines, and no secret in any of them."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from bot import logs

TOKEN = 'MTIz.real"token\\1'
PASSWORD = "pass wörd"


@pytest.fixture(autouse=True)
def untouched_logging() -> Iterator[None]:
    """Logging is global; give it back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    named = {name: logging.getLogger(name).level for name in (*logs.OUR_LOGGERS, *logs.CHATTY_LOGGERS)}

    yield

    root.handlers[:] = handlers
    root.setLevel(level)
    for name, its_level in named.items():
        logging.getLogger(name).setLevel(its_level)


def writing(level: str = "DEBUG", log_format: str = "json") -> io.StringIO:
    stream = io.StringIO()
    logs.setup(level, "json" if log_format == "json" else "text", [TOKEN, PASSWORD], stream)
    return stream


def test_events_are_json_objects_with_their_values() -> None:
    stream = writing()

    logs.get("bot.worker.loop").info("job_moved", job=12, to="running")

    line = json.loads(stream.getvalue())
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "job_moved", "job": 12, "to": "running", "level": "info", "logger": "bot.worker.loop"}


def test_lines_of_libraries_have_the_same_shape() -> None:
    stream = writing()

    logging.getLogger("discord.client").warning("shard %d is %s", 3, "gone")

    line = json.loads(stream.getvalue())
    assert (line["event"], line["level"], line["logger"]) == ("shard 3 is gone", "warning", "discord.client")


def test_text_is_one_line_per_event_without_colours_outside_a_terminal() -> None:
    stream = writing(log_format="text")

    logs.get("bot.app").warning("job_failed", detail="two\nlines")

    assert stream.getvalue().count("\n") == 1
    assert "job_failed" in stream.getvalue()
    assert r"detail='two\nlines'" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_bound_values_and_context_come_with_the_event() -> None:
    stream = writing()

    with structlog.contextvars.bound_contextvars(interaction=7):
        logs.get("bot.client").bind(guild=1).info("asked")

    line = json.loads(stream.getvalue())
    assert (line["guild"], line["interaction"]) == (1, 7)


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_known_secrets_are_masked_everywhere(log_format: str) -> None:
    stream = writing(log_format=log_format)
    log = logs.get("bot.app")

    log.info(f"event_{TOKEN}", value=TOKEN, nested={"list": [TOKEN, PASSWORD]}, url="h/?p=pass%20w%C3%B6rd")
    logging.getLogger("aiohttp.server").error("body %s", TOKEN)
    try:
        int(f"{TOKEN} {PASSWORD}")
    except ValueError:
        log.exception("broke")
        logging.getLogger("asyncio").exception("theirs")

    text = stream.getvalue()
    assert text.count(logs.MASK) >= 9
    assert "Traceback" in text
    for part in ("MTIz", "real", "pass w", "w%C3", "w\\u00f6rd"):
        assert part not in text


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        (
            "POST https://discord.com/api/v10/interactions/111/aW50ZXJh_c-3.x/callback failed",
            "POST https://discord.com/api/v10/interactions/111/***/callback failed",
        ),
        (
            "https://discord.com/api/v10/webhooks/222/aW50ZXJhY3Rpb24/messages/@original",
            "https://discord.com/api/v10/webhooks/222/***/messages/@original",
        ),
        ("webhook https://h/webhooks/222/aW50?wait=true", "webhook https://h/webhooks/222/***?wait=true"),
        ("POST /callbacks/kie/17/c2VjcmV0 404", "POST /callbacks/kie/17/*** 404"),
        ("Authorization: Bot MTIzNDU2Nzg5MDEyMzQ1.abc.def", "Authorization: Bot ***"),
        (
            "{'authorization': 'bearer x'} Bearer 0123456789abcdef0123456789abcdef",
            "{'authorization': 'bearer x'} Bearer ***",
        ),
        (
            "GET https://cdn.discordapp.com/attachments/1/2/a.png?ex=66a&is=65b&hm=0a1b2c& failed",
            "GET https://cdn.discordapp.com/attachments/1/2/a.png?ex=66a&is=65b&hm=*** failed",
        ),
        (
            "'https://storage.test/v.mp4?X-Goog-Expires=900&X-Goog-Signature=0a1b'",
            "'https://storage.test/v.mp4?X-Goog-Expires=900&X-Goog-Signature=***'",
        ),
        ("https://files.test/v.mp4?sv=1&sig=a%2Fb%3D 403", "https://files.test/v.mp4?sv=1&sig=*** 403"),
        ("GET https://api.test/v1beta/models?key=AIzaSy-0123", "GET https://api.test/v1beta/models?key=***"),
        ("GET https://api.test/v1/videos?page=2&monkey=1", "GET https://api.test/v1/videos?page=2&monkey=1"),
        ("Bot ready, Bearer of good news", "Bot ready, Bearer of good news"),
        ("GET /channels/333/messages/444", "GET /channels/333/messages/444"),
    ],
)
def test_tokens_that_nobody_listed_are_masked_by_their_place(line: str, seen: str) -> None:
    stream = writing()

    logging.getLogger("discord.state").warning(line)

    assert json.loads(stream.getvalue())["event"] == seen


def test_longer_secret_is_masked_whole_although_a_shorter_one_begins_it() -> None:
    assert logs.masking(["abcd", "abcdefgh"])("xabcdefghx") == "x***x"


def test_nothing_is_masked_when_there_is_no_secret() -> None:
    assert logs.masking([])("any line") == "any line"


def test_debug_is_for_our_own_events_only() -> None:
    stream = writing("DEBUG")

    logs.get("bot.worker").debug("looked")
    logs.get("cogs.generate").debug("typed")
    logging.getLogger("discord.gateway").debug("payload with a token")
    logging.getLogger("discord.client").info("connected")
    for name in (
        "httpx",
        "httpcore.http11",
        "discord.http",
        "discord.webhook.async_",
        "aiosqlite",
        "sqlalchemy.engine",
    ):
        logging.getLogger(name).info("one line per request")

    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["looked", "typed", "connected"]


def test_level_holds_for_everybody() -> None:
    stream = writing("ERROR")

    logs.get("bot.worker").warning("hidden")
    logging.getLogger("httpx").warning("hidden")
    logging.getLogger("discord").warning("hidden")
    logs.get("bot.worker").error("shown")

    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["shown"]


def test_set_up_twice_writes_each_line_once() -> None:
    first = writing()
    second = writing()

    logs.get("bot.app").info("started")

    assert first.getvalue() == ""
    assert second.getvalue().count("started") == 1


def test_standard_error_output_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    logs.setup("INFO", "json", [])

    logs.get("bot.app").info("started")

    captured = capsys.readouterr()
    assert json.loads(captured.err)["event"] == "started"
    assert captured.out == ""


def test_logger_without_set_up_speaks_to_the_standard_library(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="bot.quiet"):
        logs.get("bot.quiet").info("seen", job=1)

    assert [record.name for record in caplog.records] == ["bot.quiet"]
    assert "seen" in str(caplog.records[0].msg)
