"""The command line: `python -m bot [run|migrate|doctor|backup|restore|host|models]`."""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bot.errors import ConfigurationError, StoreError, UnreachableError
from bot.settings import OfflineSettings, Settings, create_folders, load_offline_settings, load_settings

# From sysexits.h, so that a supervisor can tell "do not restart, mend the settings" from "try again".
EX_UNAVAILABLE = 69
EX_IOERR = 74
EX_CONFIG = 78


def run(settings: Settings, _options: argparse.Namespace) -> int:
    """Be the bot until SIGTERM or SIGINT."""
    # What is imported stays: looking for garbage in it takes an eighth of the start, and pauses of the running bot.
    gc.disable()
    # The parts of the other commands come without Discord's library; it is half of the start-up time.
    from bot.app import App  # noqa: PLC0415

    gc.freeze()
    gc.enable()
    asyncio.run(App(settings).run_until_signal())
    return 0


def migrate(settings: Settings, _options: argparse.Namespace) -> int:
    """Bring the database to this version's schema."""
    from bot.doctor import migrate_database  # noqa: PLC0415

    print("migrated" if asyncio.run(migrate_database(settings)) else "already up to date")
    return 0


def doctor(settings: Settings, options: argparse.Namespace) -> int:
    """Say which providers are set up and recompute the ledger; exit 1 when something does not agree."""
    from bot.doctor import examine_ledger, providers_of  # noqa: PLC0415

    if not options.ledger:
        print("\n".join(providers_of(settings)))
    report = asyncio.run(examine_ledger(settings))
    print("\n".join(report.lines))
    return 0 if report.is_balanced else 1


def backup(settings: Settings, options: argparse.Namespace) -> int:
    """Copy the database to a checked file, beside the running bot."""
    from bot import recovery  # noqa: PLC0415

    lines = recovery.back_up(
        settings, options.to, datetime.now(UTC), is_forced=options.force, has_files=options.with_files
    )
    print("\n".join(lines))
    return 0


def restore(settings: Settings, options: argparse.Namespace) -> int:
    """Put a backup in the place of the database; the bot must be stopped."""
    from bot import recovery  # noqa: PLC0415

    print("\n".join(recovery.restore(settings, options.source, datetime.now(UTC))))
    return 0


def host(settings: Settings, options: argparse.Namespace) -> int:
    """See and decide what only the host may, beside the running bot."""
    from bot import host_command  # noqa: PLC0415

    print("\n".join(asyncio.run(host_command.run(settings, options))))
    return 0


def models(settings: OfflineSettings, options: argparse.Namespace) -> int:
    """Print the models, or check the host's own files; exit 1 when something needs mending."""
    from bot import models_command  # noqa: PLC0415

    answer = models_command.run(settings, options)
    print("\n".join(answer.lines), file=sys.stdout if answer.is_right else sys.stderr)
    return 0 if answer.is_right else 1


COMMANDS: dict[str, Callable[[Settings, argparse.Namespace], int]] = {
    "run": run,
    "migrate": migrate,
    "doctor": doctor,
    "backup": backup,
    "restore": restore,
    "host": host,
    "models": models,
}
# These speak with nobody who wants the bot's token, and write nothing.
OFFLINE: dict[str, Callable[[OfflineSettings, argparse.Namespace], int]] = {"models": models}


def _add_arguments(name: str, command: argparse.ArgumentParser) -> None:
    match name:
        case "doctor":
            command.add_argument("--ledger", action="store_true", help="only recompute every balance from the entries")
        case "backup":
            command.add_argument(
                "to", metavar="TO", nargs="?", type=Path, help="a file or a folder; without it DATA_DIR/backups"
            )
            command.add_argument("--force", action="store_true", help="replace the file if it exists")
            command.add_argument(
                "--with-files", action="store_true", help="copy the pictures and videos of unfinished jobs, too"
            )
        case "restore":
            command.add_argument("source", metavar="FROM", type=Path, help="a file that `backup` made")


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bot", description="Cutscene, a Discord bot that makes videos.")
    parser.set_defaults(command="run")
    commands = parser.add_subparsers(metavar="COMMAND")
    for name, function in COMMANDS.items():
        command = commands.add_parser(name, help=function.__doc__, description=function.__doc__)
        command.set_defaults(command=name)
        _add_arguments(name, command)
        if name == "host" and "host" in arguments[:1]:
            # Its arguments come with half of the product, which the others do without.
            from bot import host_command  # noqa: PLC0415

            host_command.add_arguments(command)
        if name == "models" and "models" in arguments[:1]:
            from bot import models_command  # noqa: PLC0415

            models_command.add_arguments(command)
    options = parser.parse_args(arguments)
    try:
        if options.command in OFFLINE:
            return OFFLINE[options.command](load_offline_settings(os.environ), options)
        settings = load_settings(os.environ)
        create_folders(settings)
        return COMMANDS[options.command](settings, options)
    except ConfigurationError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return EX_CONFIG
    except UnreachableError as error:
        print(error, file=sys.stderr)
        return EX_UNAVAILABLE
    except StoreError as error:
        print(f"database: {error}", file=sys.stderr)
        return EX_IOERR
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
