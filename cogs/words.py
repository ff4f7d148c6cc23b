"""/words: what prompts may not say in a server."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.app_commands import Choice, locale_str
from discord.ext import commands

from bot.client import defer
from bot.client.controls import staff_of, suggestions, texts_of
from bot.domain.safety import MAX_PATTERN_LENGTH, MAX_WORD_LENGTH, Word, WordKind
from bot.i18n import N_
from bot.rendering import moderation as cards
from bot.services.words import Words

WORDS = "words"

Forbidden = app_commands.Range[str, 1, MAX_WORD_LENGTH]
Expression = app_commands.Range[str, 1, MAX_PATTERN_LENGTH]
Sample = app_commands.Range[str, 1, 4000]


# Discord hides these from members without the right; the service checks it, by what their server has assigned.
@app_commands.guild_only()
@app_commands.default_permissions(manage_guild=True)
class WordsCog(
    commands.GroupCog,
    name=WORDS,
    group_name=WORDS,
    group_description=locale_str(N_("What prompts may not say in this server")),
):
    """The list of forbidden words and patterns."""

    def __init__(self, *, words: Words) -> None:
        self._words = words

    @app_commands.command(name="add", description=locale_str(N_("Forbid a word, however it is disguised")))
    @app_commands.describe(word=locale_str(N_("A word or a phrase; a star at an end lets it go on: kill*")))
    async def add(self, interaction: discord.Interaction, word: Forbidden) -> None:
        await self._add(interaction, Word(kind=WordKind.WORD, text=word.strip()))

    @app_commands.command(name="pattern", description=locale_str(N_("Forbid whatever a regular expression finds")))
    @app_commands.describe(pattern=locale_str(N_("A regular expression of RE2; small and capital letters are alike")))
    async def pattern(self, interaction: discord.Interaction, pattern: Expression) -> None:
        await self._add(interaction, Word(kind=WordKind.PATTERN, text=pattern))

    @app_commands.command(name="remove", description=locale_str(N_("Take a word or a pattern out of the list")))
    @app_commands.describe(entry=locale_str(N_("The entry as it stands in the list")))
    async def remove(self, interaction: discord.Interaction, entry: Expression) -> None:
        await defer(interaction, ephemeral=True)
        await self._words.remove(await staff_of(interaction, WORDS), entry)
        await interaction.edit_original_response(content=cards.word_removed(texts_of(interaction), entry))

    @app_commands.command(name="list", description=locale_str(N_("The whole list")))
    async def list_words(self, interaction: discord.Interaction) -> None:
        await defer(interaction, ephemeral=True)
        found = await self._words.all(await staff_of(interaction, WORDS))
        await interaction.edit_original_response(embed=cards.word_list(texts_of(interaction), found))

    @app_commands.command(name="test", description=locale_str(N_("Try what the list makes of a prompt")))
    @app_commands.describe(text=locale_str(N_("A prompt as a member could write it")))
    async def test(self, interaction: discord.Interaction, text: Sample) -> None:
        await defer(interaction, ephemeral=True)
        tried = await self._words.test(await staff_of(interaction, WORDS), text)
        await interaction.edit_original_response(content=cards.word_tested(texts_of(interaction), tried.found))

    async def _add(self, interaction: discord.Interaction, word: Word) -> None:
        await defer(interaction, ephemeral=True)
        is_new = await self._words.add(await staff_of(interaction, WORDS), word)
        text = cards.word_added(texts_of(interaction), word, is_new=is_new)
        await interaction.edit_original_response(content=text)

    @remove.autocomplete("entry")
    async def suggest_entries(self, interaction: discord.Interaction, typed: str) -> list[Choice[str]]:
        return await suggestions(interaction, self._entries(interaction, typed))

    async def _entries(self, interaction: discord.Interaction, typed: str) -> list[Choice[str]]:
        found = await self._words.all(await staff_of(interaction, WORDS))
        # Discord takes at most 100 characters for a choice; a longer pattern has to be typed.
        meant = [word.text for word in found if typed.casefold() in word.text.casefold() and len(word.text) <= 100]
        return [Choice(name=text, value=text) for text in meant[:25]]
