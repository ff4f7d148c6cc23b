"""Chat models behind an OpenAI-compatible endpoint, of any vendor, Kie's own included; they rewrite prompts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import httpx

from bot.domain.assistance import Instructions
from bot.domain.credits import USD_PER_CREDIT
from bot.errors import (
    AccountFault,
    ProviderAuthError,
    ProviderProtocolError,
    ProviderUnavailableError,
)
from bot.ports import Rewritten
from bot.providers.transport import Answer, Timeouts, Transport

# Kie took 6.6 s for one word (recorded); a member who waits for longer than this is better off with their own words.
PATIENCE = timedelta(seconds=20)
# A shot description has some hundred tokens; models that think before they write need room for that, too.
MAX_TOKENS = 1200
MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPrices:
    """US dollars per million tokens, for endpoints that report tokens and no cost."""

    prompt: Decimal
    answer: Decimal


class ChatAssistant:
    """`base_url` includes the version's path, as the vendor's own client wants it: `https://api.openai.com/v1`."""

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        model: str | None,
        prices: TokenPrices | None = None,
        inner: httpx.AsyncBaseTransport | None = None,
        patience: timedelta = PATIENCE,
    ) -> None:
        timeouts = Timeouts(connect=timedelta(seconds=5), answer=patience, whole=patience)
        self._http = Transport(key=api_key, timeouts=timeouts, inner=inner)
        self._url = base_url.rstrip("/") + "/chat/completions"
        self._model = model
        self._prices = prices
        # OpenAI's newer models want the second name and refuse the first; most others know only the first.
        self._limit_name = "max_tokens"

    async def aclose(self) -> None:
        await self._http.aclose()

    async def rewrite(self, instructions: Instructions) -> Rewritten:
        answer = await self._http.post(self._url, self._body(instructions))
        if answer.status == 400 and "max_completion_tokens" in answer.text and self._limit_name == "max_tokens":
            self._limit_name = "max_completion_tokens"
            answer = await self._http.post(self._url, self._body(instructions))
        fields = answer.fields
        # Kie answers "not you" with HTTP 200, too (recorded): only an answer with choices is one.
        if fields is None or not isinstance(fields.get("choices"), list):
            raise self._refusal(answer)
        text, is_refused = self._said(fields)
        return Rewritten(text=text, credits=self._cost(fields), is_refused=is_refused)

    def _body(self, instructions: Instructions) -> dict[str, object]:
        messages = [{"role": "system", "content": instructions.task}, {"role": "user", "content": instructions.text}]
        # Kie's Gemini models stream unless they are told not to, and its addresses name the model already.
        body: dict[str, object] = {"messages": messages, "stream": False, self._limit_name: MAX_TOKENS}
        return body if self._model is None else {"model": self._model, **body}

    def _said(self, fields: Mapping[str, object]) -> tuple[str | None, bool]:
        """The text, if there is one, and whether the model would not write any."""
        choices = fields["choices"]
        first = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(first, dict):
            return None, False
        message = first.get("message")
        if first.get("finish_reason") == "content_filter" or (isinstance(message, dict) and message.get("refusal")):
            return None, True
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, list):
            parts = [part.get("text") for part in content if isinstance(part, dict)]
            content = "".join(part for part in parts if isinstance(part, str))
        is_text = isinstance(content, str) and content.strip()
        return (content if is_text else None), False

    def _cost(self, fields: Mapping[str, object]) -> float | None:
        credits = _amount(fields.get("credits_consumed"))
        if credits is not None:
            return credits
        usage = fields.get("usage")
        if self._prices is None or not isinstance(usage, dict):
            return None
        asked, answered = _amount(usage.get("prompt_tokens")), _amount(usage.get("completion_tokens"))
        if asked is None or answered is None:
            return None
        dollars = (Decimal(str(asked)) * self._prices.prompt + Decimal(str(answered)) * self._prices.answer) / MILLION
        return float(dollars / USD_PER_CREDIT)

    def _refusal(self, answer: Answer) -> Exception:
        code = answer.fields.get("code") if answer.fields is not None else None
        status = code if isinstance(code, int) and not isinstance(code, bool) and code >= 400 else answer.status
        detail = f"[{status}] {self._http.clean(answer.text)}"
        match status:
            case 401 | 403:
                return ProviderAuthError(detail, AccountFault.KEY)
            case 402 | 433:
                return ProviderAuthError(detail, AccountFault.BALANCE)
            case 429:
                return ProviderUnavailableError(detail, answer.retry_after)
            case _ if status >= 500:
                return ProviderUnavailableError(detail)
            case _:
                return ProviderProtocolError(f"not an answer of a chat endpoint: {detail}")


def _amount(value: object) -> float | None:
    """A sum that somebody reported, if it makes sense: no rewrite costs a thousand dollars or millions of tokens."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 10_000_000:
        return None
    return float(value)
