"""A finding: one sentence that a manager can act on, with the money at stake and how sure it is."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any, Literal

from crmlib import text

MIME = "application/vnd.crmlib.finding+json"


@dataclass(frozen=True)
class Finding:
    """What was found, what it is worth, how sure we are and what to do.

    Args:
        key: which finding this is, as ``chapter.finding`` (``segmentation.value_at_risk``), the same on every client.
        sentence: the finding, with computed numbers.
        direction: whether it is ``good`` or ``bad`` news, or ``neutral``.
        certainty: one sentence on the interval, the base it rests on, or why there is no interval.
        action: one sentence on what to do.
        money: the money at stake in a year, in the client's currency; None where none can be named.
        money_low, money_high: its interval, where it has one.
        plays: names of the plays that it suggests.

    >>> finding = Finding("retention.second_order", "28% of new customers order again within 90 days.", "bad",
    ...                   certainty="95% interval: 26% to 30%.", action="Offer a reason to return in week three.")
    >>> print(finding._repr_markdown_())
    **28% of new customers order again within 90 days.** 95% interval: 26% to 30%. *Offer a reason to return...*
    """

    key: str
    sentence: str
    direction: Literal["good", "bad", "neutral"]
    certainty: str
    action: str
    money: float | None = None
    money_low: float | None = None
    money_high: float | None = None
    plays: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The finding as plain data; money rounded to a hundredth, so that equal runs give equal bytes."""
        fields = asdict(self)
        for name in ("money", "money_low", "money_high"):
            value = fields[name]
            fields[name] = None if value is None or value != value else round(float(value), 2)
        fields["plays"] = list(self.plays)
        return fields

    def _repr_markdown_(self) -> str:
        sentence, certainty, action = map(_as_text, (self.sentence, self.certainty, self.action))
        return f"**{sentence}** {certainty} *{action}*"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {MIME: self.as_dict(), "text/markdown": self._repr_markdown_(), "text/plain": self.sentence}

    @property
    def at_stake(self) -> str:
        """The money at stake in words, with its interval; empty where none can be named."""
        if self.money is None:
            return ""
        if self.money_low is None or self.money_high is None:
            return text.say("{money} a year", money=text.money(self.money))
        return text.say(
            "{money} a year ({low} to {high})",
            money=text.money(self.money),
            low=text.money(self.money_low),
            high=text.money(self.money_high),
        )


def _as_text(words: str) -> str:
    """The words with what Markdown or HTML would take for markup made harmless: names in them are the client's."""
    return re.sub(r"([\\`*_\[\]<>|])", r"\\\1", words)
