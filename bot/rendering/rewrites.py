"""What the prompt assistant made of a prompt, and the choice that its member has."""

from __future__ import annotations

import discord

from bot.i18n import N_, Texts
from bot.rendering import words
from bot.rendering.buttons import lasting
from bot.rendering.prompts import harmless
from bot.rendering.replies import MAX_FIELD, embed

SHOWN = 3000  # A rewritten prompt is shorter; its escapes are characters, too.

# Why there is no rewritten prompt; by the value of `NoHelp`.
NO_HELP = {
    "no_answer": N_("The prompt assistant did not answer with anything useful, so your own words are used."),
    "refused": N_("The prompt assistant would not rewrite this, so your own words are used."),
    "too_often": N_("The prompt assistant is not used this often, so your own words are used."),
    "no_budget": N_(
        "The prompt assistant is not asked while the host's budget is used up, so your own words are used."
    ),
}


def rewrite_id(number: int, action: str, price: int) -> str:
    """With the price that the offer tells: what a click makes never costs more."""
    return f"rewrite:{number}:{action}:{price}"


def offer(
    _: Texts, number: int, own: str, rewritten: str, price: int, options: str
) -> tuple[discord.Embed, discord.ui.View]:
    """Nothing is charged before one of the buttons is clicked; they work after a restart as before."""
    card = embed(_("Your words, rewritten"), harmless(rewritten, SHOWN))
    card.add_field(name=_("Your own words"), value=harmless(own, MAX_FIELD // 2), inline=False)
    if options:
        card.add_field(name=_("Options"), value=options[:MAX_FIELD], inline=False)
    card.add_field(name=_("Price"), value=words.credits_of(_, price))
    card.set_footer(text=_("Nothing is charged before you choose. The offer lasts a day."))
    buttons = lasting(
        _button(_("Create"), rewrite_id(number, "create", price), discord.ButtonStyle.primary),
        _button(_("Edit"), rewrite_id(number, "edit", price)),
        _button(_("Use my words"), rewrite_id(number, "mine", price)),
        _button(_("Cancel"), rewrite_id(number, "cancel", price), discord.ButtonStyle.danger),
    )
    return card, buttons


def _button(
    label: str, custom_id: str, style: discord.ButtonStyle = discord.ButtonStyle.secondary
) -> discord.ui.Button[discord.ui.View]:
    return discord.ui.Button(label=label, custom_id=custom_id, style=style)
