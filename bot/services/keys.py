"""The bot's own secret, made once and kept in the database, and what is derived from it."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from bot.services.memory import Memory

ROOT = "secret_key"
LENGTH = 32  # bytes

# A callback's token: so many random characters, and as many that only we can have made from them.
HALF = 22


class Keys:
    """Keys for different purposes out of one root; none of them tells anything of another."""

    def __init__(self, root: bytes) -> None:
        self._root = root

    @classmethod
    async def load(cls, memory: Memory) -> Keys:
        """The database's key, made at the first start."""
        known = await memory.recall(ROOT)
        if known is None:
            known = secrets.token_hex(LENGTH)
            await memory.remember(ROOT, known)
        return cls(bytes.fromhex(known))

    def derive(self, purpose: str) -> bytes:
        return hmac.digest(self._root, purpose.encode(), hashlib.sha256)


class CallbackTokens:
    """Secrets for callback addresses. A forged one is recognised in memory, without a look into the database."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def mint(self) -> str:
        """A new token, safe in a URL."""
        chance = secrets.token_urlsafe(16)[:HALF]
        return chance + self._seal(chance)

    def is_ours(self, token: str) -> bool:
        chance, seal = token[:HALF], token[HALF:]
        return token.isascii() and hmac.compare_digest(seal, self._seal(chance))

    def _seal(self, chance: str) -> str:
        return hmac.new(self._key, chance.encode(), hashlib.sha256).hexdigest()[:HALF]
