"""A finding: one sentence that a manager can act on, with the money at stake and how sure it is."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any, Literal

from crmlib.words import SHARED, Words, values_of

MIME = "application/vnd.crmlib.finding+json"
Direction = Literal["good", "bad", "neutral"]


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
    direction: Direction
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
        amount = SHARED.say("finding.amount", amount=_as_text(self.at_stake)) if self.at_stake else ""
        return " ".join(part for part in (f"**{sentence}**", amount, certainty, f"*{action}*") if part)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {MIME: self.as_dict(), "text/markdown": self._repr_markdown_(), "text/plain": self.sentence}

    @property
    def at_stake(self) -> str:
        """The money at stake in words, with its interval; empty where none can be named."""
        if self.money is None:
            return ""
        if self.money_low is None or self.money_high is None:
            return SHARED.say("finding.a_year", money=self.money)
        return SHARED.say("finding.a_year_range", money=self.money, low=self.money_low, high=self.money_high)


def tell(
    words: Words,
    key: str,
    values: Any = None,
    /,
    *,
    direction: Direction,
    sentence: str = "",
    certainty: str = "",
    action: str = "",
    money: str = "",
    plays: tuple[str, ...] = (),
    **more: Any,
) -> Finding:
    """A finding with the words of ``findings.<key>``: its ``sentence``, ``certainty`` and ``action``.

    Args:
        words: of the chapter; its name goes before the key (``nps.driver``).
        key: which finding.
        values: a row or mapping that fills the places.
        direction: whether it is good or bad news.
        sentence, certainty, action: which of several variants is said (``findings.<key>.sentence.<variant>``).
        money: the column of ``values`` that is the money at stake; ``<money>_low`` and ``<money>_high`` its interval.
        plays: names of the plays that it suggests.
        more: further values.
    """
    given = values_of(values, more)

    def part(name: str, variant: str) -> str:
        return words.say(f"findings.{key}.{name}.{variant}" if variant else f"findings.{key}.{name}", given)

    def amount(column: str) -> float | None:
        value = given.get(column) if money else None
        return None if value is None or value != value else float(value)

    return Finding(
        f"{words.path.parent.name}.{key}",
        part("sentence", sentence),
        direction,
        certainty=part("certainty", certainty),
        action=part("action", action),
        money=amount(money),
        money_low=amount(f"{money}_low"),
        money_high=amount(f"{money}_high"),
        plays=plays,
    )


def _as_text(words: str) -> str:
    """The words with what Markdown or HTML would take for markup made harmless: names in them are the client's."""
    return re.sub(r"([\\`*_\[\]<>|])", r"\\\1", words)
