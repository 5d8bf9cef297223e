"""A finding: what a manager can act on, with its money, how sure it is, who decides and until when."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from crmlib.words import SHARED, Words, values_of, voice

MIME = "application/vnd.crmlib.finding+json"
Direction = Literal["good", "bad", "neutral"]
Sure = Literal["counted", "tested", "estimated", "hint"]
When = Literal["week", "month", "quarter"]


@dataclass(frozen=True)
class Finding:
    """What was found, what it is worth, how sure we are, and what to do, by whom and when.

    Args:
        key: which finding this is, as ``chapter.finding`` (``segmentation.value_at_risk``), the same on every client.
        headline: the finding in at most 12 words.
        direction: whether it is ``good`` or ``bad`` news, or ``neutral``.
        evidence: the numbers it rests on, in at most 25 words.
        certainty: the interval, the base, and what could be wrong; as long as it takes.
        action: what to do, in at most 18 words.
        sure: ``counted`` (every case, no sample), ``tested`` (drawn at random), ``estimated`` (a model or a sample) or
            ``hint`` (few cases, or no fair comparison).
        owner: the role that decides (``marketing``); empty where the finding informs and asks for no decision.
        when: until when to act: ``week``, ``month`` or ``quarter``.
        money: the amount, in the client's currency; None where none can be named.
        money_low, money_high: its interval, where it has one.
        kind: what money it is (``names.money_kinds`` of the shared words); amounts of two kinds are never compared.
        plays: names of the plays that it suggests.
        failed_plays: names of plays that were tested and earned nothing.
        customers: the people whom the decision concerns, a frame of ``customer_id`` and what is told of them.
        listed: how many they are, where the finding was read back without them.

    >>> finding = Finding("retention.second_order", "28% of new customers order again within 90 days", "bad",
    ...                   certainty="95% interval: 26% to 30%.", action="Offer a reason to return in week three.")
    >>> print(finding._repr_markdown_())
    **28% of new customers order again within 90 days** 95% interval: 26% to 30%. *Offer a reason to return...*
    """

    key: str
    headline: str
    direction: Direction
    certainty: str
    action: str
    evidence: str = ""
    sure: Sure = "estimated"
    owner: str = ""
    when: When | Literal[""] = ""
    money: float | None = None
    money_low: float | None = None
    money_high: float | None = None
    kind: str = ""
    plays: tuple[str, ...] = ()
    failed_plays: tuple[str, ...] = ()
    customers: Any = field(default=None, compare=False, repr=False)
    listed: int = 0

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> Finding:
        """The finding that :meth:`as_dict` has made plain data of."""
        plays = {name: tuple(kept[name]) for name in ("plays", "failed_plays")}
        return cls(**{**kept, **plays})

    def as_dict(self) -> dict[str, Any]:
        """The finding as plain data; money rounded to a hundredth, so that equal runs give equal bytes."""
        kept = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "customers"}
        for name in ("money", "money_low", "money_high"):
            value = kept[name]
            kept[name] = None if value is None or value != value else round(float(value), 2)
        kept["listed"] = self.listed if self.customers is None else len(self.customers)
        return kept | {"plays": list(self.plays), "failed_plays": list(self.failed_plays)}

    def _repr_markdown_(self) -> str:
        headline, evidence, certainty, action = map(
            _as_text, (self.headline, self.evidence, self.certainty, self.action)
        )
        amount = SHARED.say("finding.amount", amount=_as_text(self.at_stake)) if self.at_stake else ""
        parts = (f"**{headline}**", evidence, amount, certainty, f"*{action}*" if action else "")
        return " ".join(part for part in parts if part)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {MIME: self.as_dict(), "text/markdown": self._repr_markdown_(), "text/plain": self.headline}

    @property
    def chapter(self) -> str:
        """The room of the chapter that has found it: ``segmentation``."""
        return self.key.partition(".")[0]

    @property
    def sentence(self) -> str:
        """The finding and the numbers it rests on, in one."""
        return (
            SHARED.say("finding.sentence", headline=self.headline, evidence=self.evidence)
            if self.evidence
            else self.headline
        )

    @property
    def decides(self) -> bool:
        """Whether it asks somebody for a decision, rather than informs."""
        return bool(self.owner and self.when and self.action)

    @property
    def at_stake(self) -> str:
        """The money in words, with its interval and what money it is; empty where none can be named."""
        if self.money is None:
            return ""
        bare = self.money_low is None or self.money_high is None
        said = SHARED.say(
            "finding.plain" if bare else "finding.range", money=self.money, low=self.money_low, high=self.money_high
        )
        return SHARED.say("finding.of_kind", amount=said, kind=self.money_kind)

    @property
    def money_kind(self) -> str:
        """What money it is, in words."""
        return SHARED.name("money_kinds", self.kind or "a_year")


def tell(
    words: Words,
    key: str,
    values: Any = None,
    /,
    *,
    direction: Direction,
    headline: str = "",
    evidence: str = "",
    certainty: str = "",
    action: str = "",
    sure: Sure = "estimated",
    owner: str = "",
    when: When | Literal[""] = "",
    money: str = "",
    kind: str = "",
    plays: tuple[str, ...] = (),
    failed_plays: tuple[str, ...] = (),
    customers: Any = None,
    **more: Any,
) -> Finding:
    """A finding with the words of ``findings.<key>``: its ``headline``, ``evidence``, ``certainty`` and ``action``.

    Args:
        words: of the chapter; its name goes before the key (``nps.driver``).
        key: which finding.
        values: a row or mapping that fills the places.
        direction: whether it is good or bad news.
        headline, evidence, certainty, action: which of several variants is said (``findings.<key>.action.<variant>``).
        sure, owner, when, kind, plays, failed_plays, customers: as in :class:`Finding`.
        money: the column of ``values`` that is the money; ``<money>_low`` and ``<money>_high`` its interval.
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
        part("headline", headline),
        direction,
        certainty=part("certainty", certainty),
        action=part("action", action),
        evidence=part("evidence", evidence),
        sure=sure,
        owner=owner,
        when=when,
        money=amount(money),
        money_low=amount(f"{money}_low"),
        money_high=amount(f"{money}_high"),
        kind=_KIND_OF_SALES.get(kind, kind) if voice().kept == "sales" else kind,
        plays=plays,
        failed_plays=failed_plays,
        customers=customers,
    )


_KIND_OF_SALES = {"profit": "sales", "profit_at_most": "sales_at_most", "profit_missing": "sales_missing"}
"""What a kind of profit is where no margin is known."""


def _as_text(words: str) -> str:
    """The words with what Markdown or HTML would take for markup made harmless: names in them are the client's."""
    return re.sub(r"([\\`*_\[\]<>|])", r"\\\1", words)
