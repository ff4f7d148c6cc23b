"""The host's settings: what is accepted, and how each slip is answered."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.errors import ConfigurationError
from bot.settings import ACTIVE, PROVIDER_KEYS, Settings, create_folders, is_open_to_others, load_settings

TOKEN = "MTIz.real.discord-token"
KEY = "0123456789abcdef"
BUCKET = {
    "S3_ENDPOINT_URL": "https://s3.example.org/",
    "S3_BUCKET": "videos",
    "S3_REGION": "us-east-1",
    "S3_ACCESS_KEY_ID": "AKIA-canary",
    "S3_SECRET_ACCESS_KEY": "bucket-canary",
}
REQUIRED = {"DISCORD_TOKEN": TOKEN, "KIE_API_KEY": KEY}


def loaded(**environ: str) -> Settings:
    return load_settings(REQUIRED | environ, None)


def problems(environ: Mapping[str, str], env_file: Path | None = None) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(environ, env_file)
    return caught.value.problems


def problem(**environ: str) -> str:
    found = problems(REQUIRED | environ)
    assert len(found) == 1, found
    return found[0]


def test_two_secrets_are_enough() -> None:
    settings = loaded()

    assert settings.discord_token.get_secret_value() == TOKEN
    assert settings.discord_api_url == "https://discord.com/api/v10"
    assert settings.discord_gateway_url == "wss://gateway.discord.gg/"
    assert settings.kie_api_url == "https://api.kie.ai"
    assert settings.data_dir == Path.cwd() / "data"
    assert settings.database_url == f"sqlite+aiosqlite:///{Path.cwd()}/data/cutscene.db"
    assert settings.discord_guild_ids == frozenset()
    assert (settings.http_host, settings.http_port) == ("127.0.0.1", 8080)
    assert settings.budget_daily_usd is None
    assert settings.price_markup == 1
    assert settings.allow_private_addresses is False
    assert settings.log_level == "INFO"
    assert settings.unused == ()


def test_everything_that_is_missing_is_said_at_once_and_where_to_get_it() -> None:
    found = problems({})

    assert [line.partition(":")[0] for line in found] == ["DISCORD_TOKEN", "KIE_API_KEY"]
    assert "is missing" in found[0]
    assert "https://discord.com/developers/applications" in found[0]
    assert "https://kie.ai/api-key" in found[1]
    assert all(name in found[1] for name in PROVIDER_KEYS)


def test_every_problem_is_one_line_of_its_own() -> None:
    found = problems({"DISCORD_TOKN": "x", "HTTP_PORT": "many\nlines", "KIE_API_KEY": KEY, "DATA_DIR": "?"})

    assert sorted(line.partition(":")[0] for line in found) == [
        "DATA_DIR",
        "DISCORD_TOKEN",
        "DISCORD_TOKN",
        "HTTP_PORT",
    ]
    assert not any("\n" in line for line in found)


def test_empty_text_counts_as_not_set() -> None:
    settings = loaded(HTTP_PORT="", PUBLIC_URL="  ", KIE_WEBHOOK_KEY="")

    assert settings.http_port == 8080
    assert settings.public_url is None
    assert settings.kie_webhook_key is None


def test_white_space_around_a_value_is_dropped() -> None:
    settings = load_settings({"DISCORD_TOKEN": f" {TOKEN}\n", "KIE_API_KEY": f"{KEY}\r"}, None)

    assert settings.discord_token.get_secret_value() == TOKEN
    assert settings.kie_api_key.get_secret_value() == KEY


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (f'"{TOKEN}"', "quotation marks"),
        (f"'{TOKEN}'", "quotation marks"),
        (f"Bot {TOKEN}", "starts with the word `Bot`"),
        (f"bearer {TOKEN}", "starts with the word `bearer`"),
        ("your-bot-token", "placeholder"),
        ("YOUR_TOKEN_HERE", "placeholder"),
        ("paste-it-here", "placeholder"),
        ("changeme", "placeholder"),
        ("<token>", "placeholder"),
        ("xxxxxxxx", "placeholder"),
        ("...", "placeholder"),
        (f"{TOKEN[:5]} {TOKEN[5:]}", "has a space"),
        (f"{TOKEN}\u200b", "no key has"),
    ],
)
def test_secret_that_cannot_be_one_is_refused_without_showing_it(value: str, said: str) -> None:
    line = problem(DISCORD_TOKEN=value)

    assert line.startswith("DISCORD_TOKEN: ")
    assert said in line
    assert TOKEN[:5] not in line


@pytest.mark.parametrize(
    "value", ["sandbox-bot-token", "fake.token.1", "test-token", "x", "NzkyNzE1.Xkeyhere9.tokenish"]
)
def test_unusual_secrets_are_nobodys_business(value: str) -> None:
    assert loaded(DISCORD_TOKEN=value).discord_token.get_secret_value() == value


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("DISCORD_API_URL", "discord.com/api/v10", "must start with `http://` or `https://`"),
        ("DISCORD_API_URL", "https://discord.com/api", "must end with `/api/v10`"),
        ("DISCORD_API_URL", "https://discord.com/api/v9", "must end with `/api/v10`"),
        ("DISCORD_API_URL", "https://h.test/api/v10?x=1", "query"),
        ("DISCORD_GATEWAY_URL", "https://gateway.discord.gg", "must start with `ws://` or `wss://`"),
        ("DISCORD_GUILD_IDS", "123,my server", "`my server` is not a Discord id"),
        ("DISCORD_OWNER_IDS", "-5", "is not a Discord id"),
        ("DISCORD_OWNER_IDS", "0", "is not a Discord id"),
        ("DISCORD_OWNER_IDS", "18446744073709551616", "is not a Discord id"),
        ("DISCORD_OWNER_IDS", "9" * 5000, "is not a Discord id"),
        ("DISCORD_OWNER_IDS", "٣", "is not a Discord id"),
        ("KIE_API_URL", "https://api.kie.ai/api/v1", "write only `https://api.kie.ai`"),
        ("KIE_API_URL", "https://", "not a valid address"),
        ("KIE_API_URL", "http://h:99999", "not a valid address"),
        ("KIE_API_URL", "http://h:0", "not a valid address"),
        ("KIE_API_URL", "http://[::1", "not a valid address"),
        ("KIE_API_URL", "http://a b", "not a valid address"),
        ("KIE_UPLOAD_URL", "https://h/#x", "fragment"),
        ("PUBLIC_URL", "https://bot.example.org/callbacks", "write only `https://bot.example.org`"),
        ("DATABASE_URL", "cutscene.db", "form `scheme://...`"),
        ("DATABASE_URL", "postgres://u@h/d", "write `postgresql+asyncpg://`"),
        ("DATABASE_URL", "postgresql+psycopg://u@h/d", "write `postgresql+asyncpg://`"),
        ("DATABASE_URL", "sqlite:///x.db", "write `sqlite+aiosqlite://`"),
        ("DATABASE_URL", "mysql://h/d", "only `sqlite+aiosqlite://` and `postgresql+asyncpg://` work"),
        ("DATABASE_URL", "sqlite+aiosqlite://", "names no file"),
        ("DATABASE_URL", "sqlite+aiosqlite:///:memory:", "names no file"),
        ("DATABASE_URL", "postgresql+asyncpg://host", "names no database"),
        ("DATA_DIR", __file__, "is a file"),
        ("DATA_DIR", "what?", "cannot be used here"),
        ("HTTP_HOST", "http://0.0.0.0", "without scheme and port"),
        ("HTTP_HOST", "127.0.0.1:8080", "without scheme and port"),
        ("HTTP_PORT", "http", "is not a port"),
        ("HTTP_PORT", "65536", "is not a port"),
        ("HTTP_PORT", "-1", "is not a port"),
        ("HTTP_PORT", "1" * 5000, "is not a port"),
        ("S3_ENDPOINT_URL", "https://s3.example.org/my-bucket", "write only `https://s3.example.org`"),
        ("S3_BUCKET", "s3://videos", "is not the name of a bucket"),
        ("S3_BUCKET", "a..b", "is not the name of a bucket"),
        ("S3_REGION", "Frankfurt am Main", "is not the name of a region"),
        ("S3_SECRET_ACCESS_KEY", "your-secret-key", "placeholder"),
        ("BUDGET_DAILY_USD", "0", "is not an amount above 0"),
        ("BUDGET_DAILY_USD", "-3", "is not an amount above 0"),
        ("BUDGET_MONTHLY_USD", "$50", "write only the number"),
        ("BUDGET_MONTHLY_USD", "5,50", "write only the number"),
        ("BUDGET_MONTHLY_USD", "NaN", "write only the number"),
        ("BUDGET_MONTHLY_USD", "1e9", "write only the number"),
        ("PRICE_MARKUP", "0.001", "is not a factor from 0.01 to 100"),
        ("PRICE_MARKUP", "101", "is not a factor from 0.01 to 100"),
        ("ALLOW_PRIVATE_ADDRESSES", "maybe", "neither `true` nor `false`"),
        ("LOG_LEVEL", "loud", "choose `DEBUG` or `INFO` or `WARNING` or `ERROR`"),
        ("LOG_FORMAT", "xml", "choose `text` or `json`"),
        ("ROLE", "worker", "not possible in this version"),
        ("ROLE", "boss", "choose `all`"),
    ],
)
def test_wrong_value_is_named_with_what_is_wrong(name: str, value: str, said: str) -> None:
    others = BUCKET if name in BUCKET else {}

    line = problem(**{**others, name: value})

    assert line.startswith(f"{name}: ")
    assert said in line
    assert len(line) < 400


@pytest.mark.parametrize("name", sorted(ACTIVE))
def test_every_setting_says_where_to_get_it_or_gives_an_example(name: str) -> None:
    assert len(Settings.model_fields[name.lower()].description or "") > 8


def test_passwords_in_addresses_are_never_shown() -> None:
    environ = {"DATABASE_URL": "postgres://me:hunter22@h/d", "KIE_API_URL": "https://me:hunter22@h/x?y#z"}

    found = problems(REQUIRED | environ)

    assert len(found) == 2
    assert "hunter22" not in "".join(found)


@pytest.mark.parametrize(
    "environ",
    [
        {"HTTP_PORT": "sk-proj-4f9aQx81ZpLw77"},
        {"DISCORD_GUILD_IDS": "81384788765712384,4f9aQx81ZpLw77Rb3"},
        {"BUDGET_DAILY_USD": "12.50DATABASE_URL=postgresql+asyncpg://bot:4f9aQx81@127.0.0.1/bot"},
        {"S3_BUCKET": "https://me:4f9aQx81@files.test"},
        {"KIE_API_URL": "4f9aQx81ZpLw77Rb3c2d"},
    ],
)
def test_a_key_in_the_place_of_another_value_is_not_shown(environ: dict[str, str]) -> None:
    found = "".join(problems(REQUIRED | environ))

    assert next(iter(environ)) in found
    assert "aQx81" not in found


def test_a_key_without_its_name_is_not_shown(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("Rb3c2d4f9aQx81ZpLw77==\n")

    with pytest.raises(ConfigurationError) as caught:
        load_settings(REQUIRED, env_file=file)

    assert "there is no such setting" in str(caught.value.problems)
    assert "aQx81" not in str(caught.value.problems)


def test_values_become_what_they_mean() -> None:
    settings = loaded(
        DISCORD_API_URL="http://127.0.0.1:9000/api/v10/",
        DISCORD_GATEWAY_URL="ws://127.0.0.1:9000/gateway",
        DISCORD_GUILD_IDS="11, 22,",
        DISCORD_OWNER_IDS="33",
        KIE_API_URL="http://[::1]:9001/",
        PUBLIC_URL="https://bot.example.org/",
        HTTP_PORT="0",
        HTTP_HOST="::1",
        BUDGET_DAILY_USD="12.50",
        PRICE_MARKUP="1.2",
        ALLOW_PRIVATE_ADDRESSES="Yes",
        LOG_LEVEL="debug",
        LOG_FORMAT="Text",
        ROLE="all",
    )

    assert settings.discord_api_url == "http://127.0.0.1:9000/api/v10"
    assert settings.discord_gateway_url == "ws://127.0.0.1:9000/gateway"
    assert settings.discord_guild_ids == {11, 22}
    assert settings.discord_owner_ids == {33}
    assert settings.kie_api_url == "http://[::1]:9001"
    assert settings.public_url == "https://bot.example.org"
    assert (settings.http_host, settings.http_port) == ("::1", 0)
    assert settings.budget_daily_usd == Decimal("12.50")
    assert settings.price_markup == Decimal("1.2")
    assert settings.allow_private_addresses is True
    assert (settings.log_level, settings.log_format) == ("DEBUG", "text")


@pytest.mark.parametrize(
    "url",
    [
        "sqlite+aiosqlite:///here.db",
        "sqlite+aiosqlite:////var/lib/there.db",
        "postgresql+asyncpg://me:pw@127.0.0.1:5432/cutscene",
        "postgresql+asyncpg:///cutscene?host=/run/postgresql",
    ],
)
def test_database_addresses_are_taken_as_they_are(url: str) -> None:
    assert loaded(DATABASE_URL=url).database_url == url


def test_database_lives_in_the_data_folder(tmp_path: Path) -> None:
    assert loaded(DATA_DIR=str(tmp_path)).database_url == f"sqlite+aiosqlite:///{tmp_path}/cutscene.db"


def test_settings_cannot_be_changed_afterwards() -> None:
    settings = loaded()

    with pytest.raises(ValidationError):
        settings.http_port = 1


def test_representation_shows_no_secret() -> None:
    settings = loaded(KIE_WEBHOOK_KEY="hmac-key-1", DATABASE_URL="postgresql+asyncpg://me:hunter22@h/d")

    text = f"{settings!r} {settings}"

    assert not any(secret in text for secret in (TOKEN, KEY, "hmac-key-1", "hunter22"))


def test_every_secret_is_listed_for_the_log() -> None:
    settings = loaded(KIE_WEBHOOK_KEY="hmac-key-1", DATABASE_URL="postgresql+asyncpg://me:hunter%4022@h/d")

    assert set(settings.redact) == {TOKEN, KEY, "hmac-key-1", "hunter%4022", "hunter@22"}


def test_bucket_is_whole_or_not_there() -> None:
    bucket = loaded(**BUCKET).bucket

    assert bucket is not None
    assert (bucket.endpoint_url, bucket.name, bucket.region) == ("https://s3.example.org", "videos", "us-east-1")
    assert bucket.secret_access_key.get_secret_value() == "bucket-canary"
    assert loaded().bucket is None


@pytest.mark.parametrize("left_out", BUCKET)
def test_half_a_bucket_is_an_error_that_names_what_is_missing(left_out: str) -> None:
    line = problem(**(BUCKET | {left_out: ""}))

    assert line.startswith(f"{left_out}: is missing although S3_")
    assert "bucket-canary" not in line


def test_half_a_bucket_is_said_together_with_everything_else() -> None:
    found = problems({"KIE_API_KEY": KEY, "S3_BUCKET": "videos", "S3_REGION": "?", "S3_ACCESS_KEY_ID_FILE": "/none"})

    assert sorted(line.partition(":")[0] for line in found) == [
        "DISCORD_TOKEN",
        "S3_ACCESS_KEY_ID_FILE",
        "S3_ENDPOINT_URL",
        "S3_REGION",
        "S3_SECRET_ACCESS_KEY",
    ]


def test_keys_of_the_bucket_are_masked() -> None:
    settings = loaded(**BUCKET)

    assert {"AKIA-canary", "bucket-canary"} <= set(settings.redact)
    assert "canary" not in f"{settings!r} {settings.bucket!r}"


def test_settings_of_later_versions_are_accepted_and_listed() -> None:
    settings = loaded(DISCORD_SHARD_IDS="0", DISCORD_SHARD_COUNT="2")

    assert settings.unused == ("DISCORD_SHARD_COUNT", "DISCORD_SHARD_IDS")


@pytest.mark.parametrize("name", PROVIDER_KEYS)
def test_the_key_of_any_one_provider_is_enough(name: str) -> None:
    settings = load_settings({"DISCORD_TOKEN": TOKEN, name: KEY}, None)

    assert settings.redact == (KEY, TOKEN)


def test_addresses_of_providers_keep_their_path_only_where_the_vendors_client_has_one() -> None:
    settings = loaded(OPENAI_BASE_URL="https://gate.test/openai/v1/", XAI_BASE_URL="https://x.test/v1")

    assert settings.openai_base_url == "https://gate.test/openai/v1"
    assert settings.xai_base_url == "https://x.test/v1"
    assert problem(GOOGLE_BASE_URL="https://g.test/v1beta").startswith("GOOGLE_BASE_URL: ")
    assert problem(REPLICATE_BASE_URL="https://r.test/v1").startswith("REPLICATE_BASE_URL: ")


@pytest.mark.parametrize("value", ["whsec_", "whsec_???", "c2VjcmV0", "whsec_c2VjcmV0 "[:-1] + "\u00e9"])
def test_webhook_key_that_cannot_be_one_is_refused_without_showing_it(value: str) -> None:
    line = problem(OPENAI_WEBHOOK_KEY=value)

    assert line.startswith("OPENAI_WEBHOOK_KEY: ")
    assert "c2VjcmV0" not in line


@pytest.mark.parametrize(
    ("name", "meant"),
    [("DISCORD_TOKE", "DISCORD_TOKEN"), ("KIE_APIKEY", "KIE_API_KEY"), ("BUDGET_DAILY", "BUDGET_DAILY_USD")],
)
def test_misspelt_name_in_the_environment_is_an_error(name: str, meant: str) -> None:
    assert problem(**{name: "1"}) == f"{name}: there is no such setting (the environment); did you mean {meant}?"


@pytest.mark.parametrize("name", ["HTTP_PROXY", "LOG_DIR", "OPENAI_ORG_ID", "HF_HOME", "DATABASE_HOST", "PATH"])
def test_names_of_other_programs_in_the_environment_do_not_matter(name: str) -> None:
    loaded(**{name: "x"})


def test_real_environment_is_read_by_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (*ACTIVE, *(name for name in os.environ if name.startswith(("DISCORD_", "KIE_", "BUDGET_")))):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DISCORD_TOKEN", TOKEN)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text(f"KIE_API_KEY={KEY}\n")

    settings = load_settings()

    assert settings.kie_api_key.get_secret_value() == KEY
    assert settings.data_dir == tmp_path / "data"


def test_env_file_fills_what_the_environment_leaves_open(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text(
        "\ufeff# of the host\r\n\r\nDISCORD_TOKEN='" + TOKEN + "' # the bot's\r\nexport KIE_API_KEY=" + KEY + "\r\n"
        'LOG_LEVEL="DEBUG"\r\nHTTP_PORT=1\r\nHTTP_HOST=\r\nCOMPOSE_PROJECT_NAME=cutscene\r\n',
        encoding="utf-8",
    )

    settings = load_settings({"HTTP_PORT": "2", "LOG_LEVEL": ""}, env_file)

    assert settings.discord_token.get_secret_value() == TOKEN
    assert settings.kie_api_key.get_secret_value() == KEY
    assert settings.http_port == 2
    assert settings.log_level == "DEBUG"
    assert settings.http_host == "127.0.0.1"


def test_env_file_values_are_not_expanded(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text("KIE_API_KEY=a${HOME}b\n")

    assert load_settings({"DISCORD_TOKEN": TOKEN}, env_file).kie_api_key.get_secret_value() == "a${HOME}b"


def test_env_file_slips_are_named_with_their_line_and_without_their_text(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text("HTTP_PROT=1\nMTIz.lost-its-name\nKIE_API_KEY\nMTIz.abc==\nzzz=1\nLOG_LEVEL='open\n")

    found = problems(REQUIRED, env_file)

    assert found == [
        f"HTTP_PROT: there is no such setting ({env_file}, line 1); did you mean HTTP_PORT?",
        f"{env_file}, line 2: is not of the form NAME=value.",
        f"{env_file}, line 3: is not of the form NAME=value.",
        f"{env_file}, line 4: is not of the form NAME=value.",
        f"zzz: there is no such setting ({env_file}, line 5); see .env.example for all names.",
        f"{env_file}, line 6: is not of the form NAME=value.",
    ]


def test_env_file_may_be_missing(tmp_path: Path) -> None:
    load_settings(REQUIRED, tmp_path / ".env")


def test_env_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00A")

    assert problems(REQUIRED, tmp_path) == [f"{tmp_path}: cannot be read (Is a directory)."]
    assert problems(REQUIRED, tmp_path / "binary") == [f"{tmp_path}/binary: is not a UTF-8 text; save it as UTF-8."]


def test_secrets_may_stand_in_files(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN + "\n")
    (tmp_path / "url").write_text("postgresql+asyncpg://me:pw@h/d\n")
    environ = {
        "DISCORD_TOKEN_FILE": str(tmp_path / "token"),
        "DATABASE_URL_FILE": str(tmp_path / "url"),
        "KIE_API_KEY": KEY,
        "KIE_WEBHOOK_KEY_FILE": "",
    }

    settings = load_settings(environ, None)

    assert settings.discord_token.get_secret_value() == TOKEN
    assert settings.database_url == "postgresql+asyncpg://me:pw@h/d"


def test_secret_files_that_do_not_work_are_one_line_each(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    environ = {
        "DISCORD_TOKEN": TOKEN,
        "DISCORD_TOKEN_FILE": "/also",
        "KIE_API_KEY_FILE": str(tmp_path / "empty"),
        "KIE_WEBHOOK_KEY_FILE": str(tmp_path / "missing"),
    }

    assert problems(environ) == [
        "DISCORD_TOKEN_FILE: DISCORD_TOKEN is set as well; keep one of the two.",
        f"KIE_API_KEY_FILE: the file {tmp_path}/empty is empty.",
        f"KIE_WEBHOOK_KEY_FILE: the file {tmp_path}/missing cannot be read (No such file or directory).",
    ]


def test_value_in_a_secret_file_is_checked_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"Bot {TOKEN}")

    found = problems({"DISCORD_TOKEN_FILE": str(tmp_path / "token"), "KIE_API_KEY": KEY})

    assert len(found) == 1
    assert found[0].startswith("DISCORD_TOKEN: starts with the word `Bot`")
    assert TOKEN not in found[0]


def test_folders_are_made_below_the_data_folder(tmp_path: Path) -> None:
    settings = loaded(DATA_DIR=str(tmp_path / "new" / "data"))

    create_folders(settings)
    create_folders(settings)

    assert {path.name for path in settings.data_dir.iterdir()} == {"inputs", "results", "catalogue", "cache"}
    assert set(settings.folders) == set(settings.data_dir.iterdir())


def test_folders_that_the_bot_makes_are_open_to_its_own_user_alone(tmp_path: Path) -> None:
    settings = loaded(DATA_DIR=str(tmp_path / "new" / "data"))

    create_folders(settings)

    assert [path for path in (settings.data_dir, *settings.folders) if path.stat().st_mode & 0o077] == []


@pytest.mark.parametrize(
    ("above", "itself", "is_open"),
    [(0o755, 0o755, True), (0o755, 0o701, True), (0o755, 0o750, False), (0o755, 0o700, False), (0o700, 0o755, False)],
)
def test_data_folder_is_open_when_others_get_into_it(above: int, itself: int, is_open: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "data"
        folder.mkdir()
        folder.chmod(itself)
        Path(name).chmod(above)

        assert is_open_to_others(folder) is is_open


def test_data_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    settings = loaded(DATA_DIR=str(tmp_path / "data"))
    settings.data_dir.mkdir()
    settings.folders.inputs.write_text("in the way")

    with pytest.raises(ConfigurationError) as caught:
        create_folders(settings)

    assert caught.value.problems == [
        f"DATA_DIR: cannot write to {settings.folders.inputs} (File exists). "
        "Give the bot's user the right to, or name another."
    ]


def test_data_folder_on_a_full_disk_asks_for_space_and_names_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = loaded(DATA_DIR=str(tmp_path / "data"))

    def full(**_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(settings.data_dir / "tmpx"))

    monkeypatch.setattr(tempfile, "TemporaryFile", full)

    with pytest.raises(ConfigurationError) as caught:
        create_folders(settings)

    assert caught.value.problems == [
        f"DATA_DIR: cannot write to {settings.data_dir} (No space left on device). Free some space, or name another."
    ]
