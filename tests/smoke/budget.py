"""Money that may be spent on a real account, and never more: what can't be known counts as the most it may have been."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

VARIABLE = "AWS_RUN_AWS_BUDGET"


class NoBudget(Exception):
    """There is none, so nothing may be started."""


class Budget:
    """In US dollars. A story reserves the most that it may cost before it begins, and settles it after its end."""

    def __init__(self, limit_usd: Decimal) -> None:
        self.limit_usd = limit_usd
        self.spent_usd = Decimal(0)

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Budget:
        text = environ.get(VARIABLE, "")
        try:
            limit = Decimal(text)
        except InvalidOperation:
            limit = Decimal("NaN")
        if not limit.is_finite() or limit <= 0:
            raise NoBudget(
                f"{VARIABLE} is {f'{text!r}, which is no amount' if text else 'not set'}: it says how many US dollars "
                f"may be spent on this account, for example {VARIABLE}=2"
            )
        return cls(limit)

    def reserve(self, most_usd: Decimal) -> bool:
        """Whether that much is left; if so, it counts as spent until it is settled."""
        if self.spent_usd + most_usd > self.limit_usd:
            return False
        self.spent_usd += most_usd
        return True

    def settle(self, most_usd: Decimal, cost_usd: Decimal | None) -> None:
        """`cost_usd` None: nobody knows, so all of it is spent."""
        if cost_usd is not None:
            self.spent_usd += cost_usd - most_usd
