"""Which findings become decisions on page one, and in which order.

The rules:

- Only a finding that names an owner, a time and something to do asks for a decision.
- One that suggests only plays which a test has found to earn nothing is left out, and so is one whose cost is above
  what it can bring.
- Amounts are ranked within a kind of money, and kinds are never mixed: the kinds stand in a fixed order, what could be
  won or lost first, what is spent last.
- At most two come from one chapter, at most five stand on the page, and one place is kept for a finding that cannot be
  put in money, bad news before good.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from crmlib.finding import Finding

MOST = 5
MOST_OF_A_CHAPTER = 2
KINDS = (
    "profit_at_most", "sales_at_most", "profit_missing", "sales_missing", "profit", "spent", "moved", "sales", "a_year",
    "",
)  # fmt: skip
_NEWS = {"bad": 0, "good": 1, "neutral": 2}


def decisions(findings: Sequence[Finding], *, contact_cost: float = 0.0) -> list[Finding]:
    """The findings that become decisions, at most five, in the order in which they are told.

    ``contact_cost``: what it costs to contact one customer (client's currency), for decisions that come with a list.

    >>> act = {"certainty": "", "action": "Act.", "owner": "sales", "when": "week"}
    >>> made = [Finding("clv.a", "A", "bad", money=5.0, kind="profit", **act),
    ...         Finding("nps.b", "B", "bad", **act), Finding("clv.c", "C", "bad", money=9.0, kind="profit", **act)]
    >>> [finding.headline for finding in decisions(made)]
    ['C', 'A', 'B']
    """
    failed = {play for finding in findings for play in finding.failed_plays}
    asked = [one for one in findings if one.decides and not _refuted(one, failed) and _pays(one, contact_cost)]
    ranked = sorted(asked, key=_rank)
    in_money = _few_of_each([one for one in ranked if one.money is not None])[:MOST]
    without = [one for one in ranked if one.money is None]
    # The last place is given up only to one that its chapter leaves room for.
    given_up = _few_of_each([*in_money[: MOST - 1], *without])[:MOST]
    return given_up if len(given_up) > len(in_money[: MOST - 1]) else in_money


def _few_of_each(findings: Sequence[Finding]) -> list[Finding]:
    """The first of each chapter, as many as may stand."""
    taken: Counter[str] = Counter()
    kept = []
    for one in findings:
        if taken[one.chapter] < MOST_OF_A_CHAPTER:
            kept.append(one)
            taken[one.chapter] += 1
    return kept


def matter_most(findings: Sequence[Finding]) -> list[Finding]:
    """All findings, those that matter most first: decisions before news, by kind of money and amount."""
    return sorted(findings, key=lambda one: (not one.decides, *_rank(one)))


def tell_first(findings: Sequence[Finding]) -> list[Finding]:
    """News in the order in which a section tells them: bad before good, what informs before what asks for a decision.

    >>> act = {"certainty": "", "action": "Act.", "owner": "sales", "when": "week"}
    >>> news = [Finding("nps.a", "A", "bad", **act), Finding("nps.b", "B", "bad", certainty="", action="")]
    >>> [finding.headline for finding in tell_first(news)]
    ['B', 'A']
    """
    return sorted(findings, key=lambda one: (_NEWS[one.direction], one.decides, *_rank(one)))


def _rank(one: Finding) -> tuple[int, float, int, str]:
    kind = KINDS.index(one.kind) if one.kind in KINDS and one.money is not None else len(KINDS)
    return kind, -abs(one.money or 0.0), _NEWS[one.direction], one.key


def _refuted(one: Finding, failed: set[str]) -> bool:
    """Whether all that it suggests was tested and earned nothing; the test's own finding stands."""
    return bool(one.plays) and set(one.plays) <= failed and not one.failed_plays


def _pays(one: Finding, contact_cost: float) -> bool:
    return one.money is None or not one.listed or one.money > contact_cost * one.listed
