"""What the host decides, read once at start; everything that is wrong is said at once, one line per problem."""

from __future__ import annotations

import errno
import os
import stat
import sys
import tempfile
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import unquote, urlsplit

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from bot import setting_sources, setting_values
from bot.domain.ids import GuildId, UserId
from bot.domain.jobs import LateResults
from bot.errors import ConfigurationError

# Known to the design and to other versions; this one accepts them, does nothing with them and says so.
LATER = frozenset(
    {
        "DISCORD_SHARD_IDS",
        "DISCORD_SHARD_COUNT",
    }
)
# These may also be given as the path of a file, under NAME_FILE. The database's address holds a password.
SECRETS = (
    "DISCORD_TOKEN",
    "KIE_API_KEY",
    "KIE_WEBHOOK_KEY",
    "MODERATION_API_KEY",
    "OPENAI_API_KEY",
    "OPENAI_WEBHOOK_KEY",
    "XAI_API_KEY",
    "GOOGLE_API_KEY",
    "REPLICATE_API_TOKEN",
    "REPLICATE_WEBHOOK_KEY",
    "HF_API_TOKEN",
    "IMGBB_API_KEY",
    "ASSIST_API_KEY",
    "DATABASE_URL",
    "S3_ACCESS_KEY_ID",
    "S3_SECRET_ACCESS_KEY",
)
# Each of these sets up the providers of one vendor; without any of them there is nobody to make a video.
PROVIDER_KEYS = (
    "KIE_API_KEY",
    "OPENAI_API_KEY",
    "XAI_API_KEY",
    "GOOGLE_API_KEY",
    "REPLICATE_API_TOKEN",
    "HF_API_TOKEN",
)
# A bucket needs all of these; without any of them there is none.
BUCKET = ("S3_ENDPOINT_URL", "S3_BUCKET", "S3_REGION", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY")
# A shorter text would make the log unreadable and hide nothing.
SHORTEST_REDACTED = 4

Secret = Annotated[SecretStr, BeforeValidator(setting_values.secret)]
Origin = Annotated[str, BeforeValidator(setting_values.origin)]
WebhookKey = Annotated[SecretStr, BeforeValidator(setting_values.webhook_key)]
# An address that may have a path. Whether it has one follows the vendor's own client, so that values can be copied.
BaseURL = Annotated[str, BeforeValidator(setting_values.http_url)]
Budget = Annotated[Decimal | None, BeforeValidator(setting_values.budget)]

Kind = TypeVar("Kind", bound="OfflineSettings")


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """Where files live below DATA_DIR."""

    inputs: Path  # members' pictures, until their job has ended
    results: Path  # finished videos, until they are delivered
    catalogue: Path  # the host's own model files
    cache: Path  # what can be made again at any time
    odd_answers: Path  # of providers, for the host to show around; made when there is one

    def __iter__(self) -> Iterator[Path]:
        yield from (self.inputs, self.results, self.catalogue, self.cache)


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketSettings:
    """Where too large videos are put for members to fetch them."""

    endpoint_url: str
    name: str
    region: str
    access_key_id: SecretStr
    secret_access_key: SecretStr


class OfflineSettings(BaseSettings):
    """What the commands need that do not speak with Discord.

    Every setting has the name of its variable in lower case; each description says where to get the value.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=False)

    discord_api_url: Annotated[str, BeforeValidator(setting_values.discord_api_url)] = Field(
        "https://discord.com/api/v10", description="Example: https://discord.com/api/v10"
    )
    discord_gateway_url: Annotated[str, BeforeValidator(setting_values.websocket_url)] = Field(
        "wss://gateway.discord.gg/", description="Example: wss://gateway.discord.gg/"
    )
    discord_guild_ids: Annotated[frozenset[GuildId], BeforeValidator(setting_values.ids)] = Field(
        frozenset(), description="Right-click the server with Developer Mode on, Copy Server ID; separate by commas."
    )
    discord_owner_ids: Annotated[frozenset[UserId], BeforeValidator(setting_values.ids)] = Field(
        frozenset(), description="Right-click yourself with Developer Mode on, Copy User ID; separate by commas."
    )

    kie_api_key: Secret | None = Field(None, description="Get it at https://kie.ai/api-key.")
    kie_api_url: Origin = Field("https://api.kie.ai", description="Example: https://api.kie.ai")
    kie_upload_url: Origin = Field("https://kieai.redpandaai.co", description="Example: https://kieai.redpandaai.co")
    kie_webhook_key: Secret | None = Field(
        None, description="Make it at https://kie.ai/settings (webhook HMAC key), or leave it out."
    )

    openai_api_key: Secret | None = Field(None, description="Get it from whoever runs OPENAI_BASE_URL.")
    openai_base_url: BaseURL = Field(
        "https://api.openai.com/v1", description="With its version, for example https://gateway.example.org/v1"
    )
    openai_webhook_key: WebhookKey | None = Field(
        None, description="It is shown once when the webhook is made (whsec_...); or leave it out."
    )
    xai_api_key: Secret | None = Field(None, description="Get it at https://console.x.ai.")
    xai_base_url: BaseURL = Field("https://api.x.ai/v1", description="With its version: https://api.x.ai/v1")
    google_api_key: Secret | None = Field(None, description="Get it at https://aistudio.google.com/apikey.")
    google_base_url: Origin = Field(
        "https://generativelanguage.googleapis.com", description="Example: https://generativelanguage.googleapis.com"
    )
    replicate_api_token: Secret | None = Field(None, description="Get it at https://replicate.com/account/api-tokens.")
    replicate_base_url: Origin = Field("https://api.replicate.com", description="Example: https://api.replicate.com")
    replicate_webhook_key: WebhookKey | None = Field(
        None, description="Get it at https://api.replicate.com/v1/webhooks/default/secret (whsec_...), or leave it out."
    )
    hf_api_token: Secret | None = Field(None, description="Get it at https://huggingface.co/settings/tokens.")
    hf_base_url: Origin = Field("https://router.huggingface.co", description="Example: https://router.huggingface.co")
    imgbb_api_key: Secret | None = Field(
        None, description="Get it at https://api.imgbb.com; pictures are public there, so mostly leave it out."
    )
    imgbb_base_url: Origin = Field("https://api.imgbb.com", description="Example: https://api.imgbb.com")

    assist_base_url: BaseURL | None = Field(
        None, description="With its version: https://api.openai.com/v1, or https://api.kie.ai/gpt-5-2/v1."
    )
    assist_api_key: Secret | None = Field(None, description="The key for ASSIST_BASE_URL, from whoever runs it.")
    assist_model: Annotated[str | None, BeforeValidator(setting_values.model_name)] = Field(
        None, description="The chat model's name there; leave it out where the address names the model, as at Kie.ai."
    )
    assist_prompt_usd: Budget = Field(None, description="Example: 0.10; the vendor's price list names it.")
    assist_answer_usd: Budget = Field(None, description="Example: 0.50; the vendor's price list names it.")

    data_dir: Annotated[Path, BeforeValidator(setting_values.folder)] = Field(
        default_factory=lambda: Path("data").absolute(), description="Example: ./data"
    )
    database_url: Annotated[str, BeforeValidator(setting_values.database_url)] = Field(
        default_factory=lambda given: f"sqlite+aiosqlite:///{given['data_dir']}/cutscene.db",
        repr=False,
        description="Leave it out for SQLite in DATA_DIR, or write postgresql+asyncpg://user:password@host/database.",
    )

    public_url: Origin | None = Field(
        None, description="The address under which others reach HTTP_PORT, for example https://bot.example.org."
    )
    http_host: Annotated[str, BeforeValidator(setting_values.host)] = Field(
        "127.0.0.1", description="Example: 127.0.0.1, or 0.0.0.0 in a container"
    )
    http_port: Annotated[int, BeforeValidator(setting_values.port)] = Field(8080, description="Example: 8080")

    s3_endpoint_url: Origin | None = Field(None, description="Example: https://s3.eu-central-1.amazonaws.com")
    s3_bucket: Annotated[str | None, BeforeValidator(setting_values.bucket)] = Field(
        None, description="The bucket's name, for example my-cutscene-videos."
    )
    s3_region: Annotated[str | None, BeforeValidator(setting_values.region)] = Field(
        None, description="Example: eu-central-1; your store's documentation names it (often us-east-1 or auto)."
    )
    s3_access_key_id: Secret | None = Field(
        None, description="Make a key that may only put and get objects of this bucket, in your store's console."
    )
    s3_secret_access_key: Secret | None = Field(None, description="It is shown once, together with S3_ACCESS_KEY_ID.")

    budget_daily_usd: Budget = Field(None, description="Example: 5 or 12.50")
    budget_monthly_usd: Budget = Field(None, description="Example: 50")
    price_markup: Annotated[Decimal, BeforeValidator(setting_values.markup)] = Field(
        Decimal(1), description="Example: 1 (the provider's price) or 1.2 (a fifth more)"
    )

    low_balance_credits: Annotated[int, BeforeValidator(setting_values.credits)] = Field(
        500, description="Example: 500 (warned again only after a recovery to 600, a fifth more); 0 for no warning"
    )

    late_results: Annotated[LateResults, BeforeValidator(setting_values.late_results)] = Field(
        LateResults.FREE, description="Example: free, charge or ignore"
    )
    # The host's moderation endpoint; without a key there is none.
    moderation_api_key: Secret | None = Field(None, description="Get it from whoever runs MODERATION_BASE_URL.")
    moderation_base_url: BaseURL = Field(
        "https://api.openai.com/v1", description="With its version, for example https://gateway.example.org/v1"
    )
    moderation_model: Annotated[str, BeforeValidator(setting_values.words)] = Field(
        "omni-moderation-latest", description="Example: omni-moderation-latest"
    )
    moderation_on_trouble: Annotated[Literal["open", "closed"], BeforeValidator(setting_values.open_or_closed)] = Field(
        "open", description="Example: open (prompts pass while it does not answer) or closed"
    )

    keep_videos_days: Annotated[int, BeforeValidator(setting_values.days)] = Field(14, description="Example: 14")

    allow_private_addresses: Annotated[bool, BeforeValidator(setting_values.yes_or_no)] = Field(
        False, description="Example: false"
    )
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(setting_values.log_level)] = (
        Field("INFO", description="Example: INFO")
    )
    # People read a terminal, programs read everything else.
    log_format: Annotated[Literal["text", "json"], BeforeValidator(setting_values.log_format)] = Field(
        default_factory=lambda: "text" if sys.stderr.isatty() else "json", description="Example: json"
    )
    role: Annotated[Literal["all"], BeforeValidator(setting_values.role)] = Field("all", description="Example: all")

    # Names of other versions that are set although this one does nothing with them.
    unused: tuple[str, ...] = ()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # `load_settings` reads the sources itself: pydantic's own neither name the line nor notice a misspelt name.
        return (init_settings,)

    @property
    def folders(self) -> Folders:
        return Folders(
            inputs=self.data_dir / "inputs",
            results=self.data_dir / "results",
            catalogue=self.data_dir / "catalogue",
            cache=self.data_dir / "cache",
            odd_answers=self.data_dir / "odd-answers",
        )

    @property
    def bucket(self) -> BucketSettings | None:
        """The bucket, if there is one; `load_settings` has made sure that it is whole."""
        if (
            self.s3_endpoint_url is None
            or self.s3_bucket is None
            or self.s3_region is None
            or self.s3_access_key_id is None
            or self.s3_secret_access_key is None
        ):
            return None
        return BucketSettings(
            endpoint_url=self.s3_endpoint_url,
            name=self.s3_bucket,
            region=self.s3_region,
            access_key_id=self.s3_access_key_id,
            secret_access_key=self.s3_secret_access_key,
        )

    @property
    def redact(self) -> tuple[str, ...]:
        """The texts that may never appear in a log."""
        secrets = {value.get_secret_value() for _, value in self if isinstance(value, SecretStr)}
        if password := urlsplit(self.database_url).password:
            secrets |= {password, unquote(password)}
        return tuple(sorted(secret for secret in secrets if len(secret) >= SHORTEST_REDACTED))


class Settings(OfflineSettings):
    """Everything that the bot needs."""

    discord_token: Secret = Field(
        description="Get it at https://discord.com/developers/applications: your application, Bot, Reset Token."
    )


ACTIVE = frozenset(name.upper() for name in Settings.model_fields if name != "unused")


def load_settings(environ: Mapping[str, str] = os.environ, env_file: Path | None = Path(".env")) -> Settings:
    """Read the settings. Raises ConfigurationError with every problem there is, one line each."""
    written = setting_sources.read(environ, env_file, ACTIVE | LATER, SECRETS)
    return _validated(Settings, written, _no_provider(_named(written)))


def load_offline_settings(
    environ: Mapping[str, str] = os.environ, env_file: Path | None = Path(".env")
) -> OfflineSettings:
    """The settings without a token, and with or without the keys of providers; raises as `load_settings` does."""
    written = setting_sources.read(environ, env_file, ACTIVE | LATER, SECRETS)
    return _validated(OfflineSettings, written, [])


def check_provider(settings: OfflineSettings) -> None:
    """Raises ConfigurationError when there is no provider's key."""
    problems = _no_provider({name for name in PROVIDER_KEYS if getattr(settings, name.lower()) is not None})
    if problems:
        raise ConfigurationError(problems)


def _validated(kind: type[Kind], written: setting_sources.Written, missing: list[str]) -> Kind:
    """The settings, if nothing is wrong with what is written and nothing is *missing*."""
    fields = kind.model_fields
    values: dict[str, Any] = {key: value for name, value in written.values.items() if (key := name.lower()) in fields}
    unread = {problem.partition(":")[0].removesuffix(setting_sources.FILE_SUFFIX) for problem in written.problems}
    named = _named(written)
    problems = [*written.problems, *_half_a_bucket(named), *_half_an_assistant(named)]
    values["unused"] = tuple(sorted(written.values.keys() & LATER))
    try:
        settings = kind.model_validate(values)
    except ValidationError as err:
        problems += [line for name, line in _problems(err) if name not in unread]
        # Without the cause: its text would show the values.
        raise ConfigurationError([*problems, *missing]) from None
    problems += missing
    if problems:
        raise ConfigurationError(problems)
    return settings


def _named(written: setting_sources.Written) -> Set[str]:
    """The settings that are there, also those that could not be read."""
    unread = {problem.partition(":")[0].removesuffix(setting_sources.FILE_SUFFIX) for problem in written.problems}
    return written.values.keys() | unread


def _no_provider(names: Set[str]) -> list[str]:
    """A line if nobody could make a video."""
    first, *others = PROVIDER_KEYS
    if names & set(PROVIDER_KEYS):
        return []
    advice = Settings.model_fields[first.lower()].description
    return [f"{first}: is missing, and so is the key of every other provider ({', '.join(others)}). {advice}"]


def _half_an_assistant(names: Set[str]) -> list[str]:
    """A line if the assistant has an address and no key, or the other way round, or half of its prices."""
    lines = []
    for one, other in (("ASSIST_BASE_URL", "ASSIST_API_KEY"), ("ASSIST_PROMPT_USD", "ASSIST_ANSWER_USD")):
        missing = {one, other} - names
        if len(missing) == 1:
            name = missing.pop()
            there = other if name == one else one
            lines.append(
                f"{name}: is missing although {there} is set. {Settings.model_fields[name.lower()].description}"
            )
    return lines


def _half_a_bucket(names: Set[str]) -> list[str]:
    """A line for each setting that is missing although others of the bucket are there."""
    there = [name for name in BUCKET if name in names]
    if not there:
        return []
    return [
        f"{name}: is missing although {there[0]} is set; a bucket needs all of {', '.join(BUCKET)}. "
        f"{Settings.model_fields[name.lower()].description}"
        for name in BUCKET
        if name not in names
    ]


def _problems(error: ValidationError) -> Iterator[tuple[str, str]]:
    """The variable and its line, for each thing that the model refused."""
    for item in error.errors(include_url=False, include_input=False):
        if item["type"] == "default_factory_not_called":  # Follows from another problem, which has its own line.
            continue
        field_name = str(item["loc"][0])
        name = field_name.upper()
        problem = "is missing" if item["type"] == "missing" else str(item.get("ctx", {}).get("error", item["msg"]))
        yield name, f"{name}: {problem}. {Settings.model_fields[field_name].description}"


def create_folders(settings: Settings) -> None:
    """Make DATA_DIR and what belongs in it, and be sure that files can be written there."""
    path = settings.data_dir
    try:
        for path in (settings.data_dir, *settings.folders):
            # Prompts, callback secrets and the key of signed links are nobody else's on this machine.
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=path):
                pass
    except OSError as err:
        # The name of a file that was only to be tried says nothing to anybody.
        place = path if path.is_dir() else err.filename or path
        is_full = err.errno in {errno.ENOSPC, errno.EDQUOT}
        remedy = "Free some space" if is_full else "Give the bot's user the right to"
        raise ConfigurationError(
            [f"DATA_DIR: cannot write to {place} ({err.strerror}). {remedy}, or name another."]
        ) from err


def is_open_to_others(folder: Path) -> bool:
    """Whether other users of this machine can get into *folder*.

    A group that can is somebody's decision (a backup's, a volume's), and no folder is reached through a closed one.
    """
    if os.name != "posix":
        return False
    place = folder.resolve()
    is_reached = all(parent.stat().st_mode & stat.S_IXOTH for parent in place.parents)
    return is_reached and bool(place.stat().st_mode & stat.S_IRWXO)
