"""Checks of the exercises of chapter 01: expected values are computed from the data at hand."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from typing import Any

from crmlib.course.checks import Answer, compare_number

CHANCE = 0.001
AMOUNTS = ("¥1,299.50", "(20.00)", "80 元", "1 250,00 €")
"""Amounts as exports write them; the last has a comma before the fraction."""

_IN_NUMBERS = (1299.5, -20.0, 80.0, 1250.0)


def check_usable_share(answer: Any, account: Mapping[str, Any]) -> Answer:
    """Exercise 1: the share of all rows read that can be used, as they were or repaired.

    >>> check_usable_share(..., {"tables": {}}).verdict
    'not attempted'
    """
    from crmlib.lifecycle import customer_data

    rows = customer_data.row_account(account)[["read", "accepted", "repaired", "quarantined"]].sum()
    if not rows["read"]:
        return _not_here(answer)
    expected = float((rows.accepted + rows.repaired) / rows["read"])
    hint = "Add up accepted and repaired over all tables, and divide by the sum of read."
    if _near(answer, rows.accepted + rows.repaired):
        hint = "These are the rows: divide by all rows read."
    elif rows.quarantined and _near(answer, rows.quarantined / rows["read"]):
        hint = "This is the share that was quarantined: the rest can be used."
    elif rows.repaired and _near(answer, rows.accepted / rows["read"]):
        hint = "Repaired rows can be used, too."
    # A tolerance that tells all rows from all but the quarantined ones.
    return compare_number(answer, expected, hint=hint, tolerance=min(1e-3, max(1e-9, (1 - expected) / 2 or 1e-3)))


def check_amounts(answer: Any) -> Answer:
    """Exercise 2: the four amounts of ``AMOUNTS`` as numbers, in their order.

    >>> check_amounts([1299.5, 20, 80, 1250]).message
    "'(20.00)' is -20: parentheses are an accountant's minus."
    """
    if answer is None or answer is Ellipsis:
        return Answer("not attempted")
    try:
        values = [float(value) for value in answer]
    except (TypeError, ValueError, OverflowError):
        return Answer("not yet", "A list of four numbers is expected.")
    if len(values) != len(AMOUNTS):
        return Answer("not yet", f"A list of {len(AMOUNTS)} numbers is expected; this has {len(values)}.")
    reasons = {
        "(20.00)": "parentheses are an accountant's minus.",
        "1 250,00 €": "here the comma stands before the fraction, and the blank parts the thousands.",
        "¥1,299.50": "here the comma parts the thousands.",
        "80 元": "the unit is no part of the number.",
    }
    for text, value, expected in zip(AMOUNTS, values, _IN_NUMBERS, strict=True):
        if not math.isclose(value, expected, abs_tol=1e-9):
            return Answer("not yet", f"{text!r} is {expected:g}: {reasons[text]}")
    return Answer("right")


def check_without_customer(answer: Any, orders: Any, *, as_of: Any) -> Answer:
    """Exercise 3: the share of the twelve months' revenue for which no customer is recorded."""
    from crmlib.engine import to_pandas
    from crmlib.lifecycle import customer_data

    whose = customer_data.attribution(to_pandas(customer_data.revenue_by_identity(orders, as_of=as_of)))
    of = whose.set_index("who")
    if not whose.revenue_year.sum() > 0:
        return _not_here(answer)
    expected = float(of.revenue_share["guest"])
    hint = "Take purchases(…, guests=True) of the year, and divide the spend where customer_id is empty by all spend."
    if _near(answer, of.revenue_year["guest"]):
        hint = "This is the money: divide by the revenue of the twelve months."
    elif expected and _near(answer, 1 - expected):
        hint = "This is the share that has a customer."
    elif expected and _near(answer, of.orders_share["guest"]):
        hint = "This is the share of the orders: asked for is that of the revenue."
    elif expected and _near(answer, expected / (1 - expected)):
        hint = "Divide by all revenue, not by that of known customers only."
    return compare_number(answer, expected, hint=hint, tolerance=_three_digits(expected))


def check_reach(answer: Any, customers: Any, orders: Any, *, as_of: Any, channel: str = "sms") -> Answer:
    """Exercise 4: the share of the year's revenue whose customers may be contacted by a channel; unknown is no."""
    from crmlib.lifecycle import customer_data

    said = customer_data.consents(customers, orders, as_of=as_of)
    if customers is None or not said.revenue_year.sum() > 0 or (said[channel] == "unknown").all():
        return _not_here(answer)
    money = said.groupby(channel).revenue_year.sum().reindex(["yes", "no", "unknown"]).fillna(0.0)
    everything, yes = float(money.sum()), float(money["yes"])
    hint = "Add up revenue_year of the buyers whose answer is 'yes', and divide by that of all buyers."
    share_of_buyers = float((said[channel] == "yes").mean())
    if _exactly(answer, (yes + money["unknown"]) / everything) and money["unknown"]:
        hint = "Unknown counts as no: nobody has agreed."
    elif _exactly(answer, yes / (everything - money["unknown"])) and money["unknown"]:
        hint = "Those of whom nothing is known belong to all buyers: leave them in the whole."
    elif _exactly(answer, share_of_buyers) and not math.isclose(share_of_buyers, yes / everything):
        hint = "This is the share of the buyers: asked for is the share of their revenue."
    elif _near(answer, yes):
        hint = "This is the money: divide by the revenue of all buyers."
    else:
        return compare_number(answer, yes / everything, hint=hint, tolerance=_three_digits(yes / everything))
    return compare_number(answer, yes / everything, hint=hint)


def check_pairs(answer: Any, people: Any) -> Answer:
    """Exercise 5: which of the people are one person: pairs of ids, in any order.

    ``people``: frame with ``customer_id`` and identities; what is right is what the kit's rules find.
    """
    if answer is None or answer is Ellipsis:
        return Answer("not attempted")
    import duckdb

    from crmlib.intake.identities.duplicates import duplicate_pairs

    found = duplicate_pairs(duckdb.connect(), people).to_pylist()
    expected = {frozenset((row["customer_id"], row["duplicate_of"])) for row in found}
    try:
        given = {frozenset(map(str, pair)) for pair in answer if not isinstance(pair, str)}
    except TypeError:
        given = set()
    if not given or any(len(pair) != 2 for pair in given):
        return Answer("not yet", 'Answer a list of pairs of ids, such as [("p1", "p2")].')
    if given == expected:
        return Answer("right")
    wrong, missed = given - expected, expected - given
    if wrong:
        one, other = sorted(min(wrong, key=sorted))
        return Answer("not yet", f"{one} and {other}: what do they share, and what speaks against it?")
    return Answer("not yet", f"{len(missed)} more: write e-mail addresses and phone numbers in one way, then compare.")


def sparsest_table(account: Mapping[str, Any]) -> str:
    """The table with the fewest rows a day, of those whose rows stand for moments.

    >>> orders = {"first": "2025-01-01", "last": "2025-01-10", "months": {"2025-01": 40}}
    >>> sparsest_table({"quality": {"coverage": {"orders": orders, "tickets": {**orders, "months": {"2025-01": 5}}}}})
    'tickets'
    """
    covered = {name: one for name, one in account["quality"]["coverage"].items() if name != "spend"}
    return min(covered, key=lambda name: _length_and_pace(covered[name])[1])


def check_shortest_gap(answer: Any, account: Mapping[str, Any], *, table: str = "orders") -> Answer:
    """Exercise 6: the fewest silent days of a table that chance does not explain at its average pace."""
    covered = account["quality"]["coverage"].get(table)
    if covered is None:
        return _not_here(answer)
    length, pace = _length_and_pace(covered)
    silent = math.log(length / CHANCE) / pace
    expected = max(1, math.ceil(silent))
    hint = "Solve length · exp(−pace · n) < 0.001 for n, and round up to whole days."
    if expected != max(1, math.ceil(math.log(1 / CHANCE) / pace)) and _near(
        answer, math.ceil(math.log(1 / CHANCE) / pace)
    ):
        hint = "A silence may begin on any day: multiply the chance by the number of days."
    elif _near(answer, silent) and silent != expected:
        hint = "Nearly: days are whole, so round up."
    elif expected > 1 and _near(answer, expected - 1):
        hint = "With one day less, chance still explains it: round up."
    return compare_number(answer, float(expected), hint=hint)


def _length_and_pace(covered: Mapping[str, Any]) -> tuple[int, float]:
    """How many days a table covers, and how many rows it has a day."""
    length = (dt.date.fromisoformat(covered["last"]) - dt.date.fromisoformat(covered["first"])).days + 1
    return length, sum(covered["months"].values()) / length


def _near(answer: Any, value: float) -> bool:
    try:
        return math.isclose(float(answer), float(value), rel_tol=1e-3)
    except (TypeError, ValueError, OverflowError):
        return False


def _exactly(answer: Any, value: float) -> bool:
    try:
        return math.isclose(float(answer), float(value), rel_tol=1e-6)
    except (TypeError, ValueError, OverflowError):
        return False


def _three_digits(share: float) -> float:
    """The relative tolerance with which a share is right when it has been rounded to three digits."""
    return max(1e-3, min(0.5, 5.01e-4 / share)) if share > 0 else 1e-3


def _not_here(answer: Any) -> Answer:
    """What is said where this client's data hold no answer."""
    return Answer("not attempted", "These data do not hold what the exercise asks for; try it on the sample brand.")
