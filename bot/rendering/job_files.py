"""The card on which staff sees one job whole and decides about it."""

from __future__ import annotations

import discord

from bot.domain.credits import AccountKind, JobEntry
from bot.domain.job_files import JobFile
from bot.domain.models import Catalogue
from bot.i18n import N_, Texts
from bot.rendering import buttons, words
from bot.rendering.prompts import harmless
from bot.rendering.replies import MAX_FIELD, job_details, joined

ACCOUNTS = {
    AccountKind.ISSUED: N_("allowance"),
    AccountKind.POOL: N_("pool"),
    AccountKind.BONUS: N_("bonus"),
    AccountKind.HELD: N_("held"),
    AccountKind.SPENT: N_("spent"),
}
SHOWN_IDS = 200


def card(_: Texts, file: JobFile, catalogue: Catalogue) -> discord.Embed:
    """What its member sees of the job, and behind it the provider's names, the ledger and the block."""
    job = file.job
    made = job_details(_, job, file.timeline, file.charged, catalogue, is_staff=True)
    if file.given_back is not None:
        made.add_field(name=_("Given back by the staff"), value=words.credits_of(_, file.given_back))
    task = harmless(job.task_id, SHOWN_IDS) if job.task_id else _("none")
    made.add_field(name=_("Provider and task"), value=f"{job.provider} · {task}", inline=False)
    ledger = joined((_entry(_, entry) for entry in file.entries), MAX_FIELD)
    if ledger:
        made.add_field(name=_("Ledger"), value=ledger, inline=False)
    if file.block is not None:
        reason = harmless(file.block.reason, SHOWN_IDS)
        until = _("for good") if file.block.until is None else words.moment(file.block.until)
        made.add_field(name=_("Its member is blocked"), value=f"{until} · {reason}", inline=False)
    return made


def view(_: Texts, file: JobFile) -> discord.ui.View:
    """What can be done now; what cannot is grey, and is checked again when somebody clicks all the same."""
    return buttons.of_job_file(
        _,
        file.job.id,
        can_redeliver=file.can_redeliver,
        can_refund=file.can_refund,
        can_cancel=file.can_cancel,
        can_block=file.block is None,
    )


def _entry(_: Texts, entry: JobEntry) -> str:
    amounts = " · ".join(f"{_(ACCOUNTS[account])} {credits:+d}" for account, credits in entry.lines)
    return f"{words.moment(entry.at, 'T')} **{_(words.ENTRIES[entry.kind])}** {amounts}"
