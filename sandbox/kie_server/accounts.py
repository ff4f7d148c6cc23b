"""The account behind the key: credits are reserved at creation, and come back a while after a failure."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.kie_server.agenda import Clock


class CreditsInsufficientError(Exception):
    """The balance does not cover the price."""


@dataclass(frozen=True, slots=True)
class _Return:
    due: float
    credits: float


class Account:
    def __init__(self, balance: float, clock: Clock, refund_delay: float) -> None:
        self._balance = balance
        self._clock = clock
        self._refund_delay = refund_delay
        self._returns: list[_Return] = []
        self.spent = 0.0  # what tasks that ended have really cost

    @property
    def balance(self) -> float:
        now = self._clock()
        due = [back for back in self._returns if back.due <= now]
        self._returns = [back for back in self._returns if back.due > now]
        self._balance += sum(back.credits for back in due)
        return round(self._balance, 4)

    @balance.setter
    def balance(self, credits: float) -> None:
        self._balance = credits

    def reserve(self, credits: float) -> None:
        if self.balance < credits:
            raise CreditsInsufficientError
        self._balance -= credits

    def settle(self, reserved: float, cost: float) -> None:
        self._balance += reserved - cost
        self.spent = round(self.spent + cost, 4)

    def restore(self, reserved: float) -> None:
        self._returns.append(_Return(self._clock() + self._refund_delay, reserved))
