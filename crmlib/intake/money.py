"""Money is tested: which columns of a file are sums, differences and rates of others, row by row.

What somebody paid stands in an export beside what it was made of: price and pieces, what was taken off, what was paid
back, tax and postage. A column that is price × pieces − discount in all rows is what was paid, whatever its heading
says; one that is another column − refund is what was left after the refund.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from crmlib.engine import identifier, literal
from crmlib.intake.reasons import words
from crmlib.intake.repairs import Cell, Habits, examine
from crmlib.intake.source import FILE, ROW, Source
from crmlib.words import Saying

MOST_ROWS = 100_000
"""So many rows are tested; of a longer file evenly spread ones, which the evidence then says."""
MOST_COLUMNS = 14
FITS = 0.95
"""Of the rows in which a part is not 0, so many must add up."""
SURE_FROM = 3
"""From so many rows on, in which the part is not 0, what adds up is no accident."""
PLAIN_RATES = (0.05, 0.06, 0.07, 0.077, 0.081, 0.09, 0.1, 0.13, 0.17, 0.19, 0.2, 0.21, 0.22, 0.23, 0.25)
"""Rates of value added tax that are usual somewhere: what differs by one of them throughout differs by tax."""
PRODUCT = "quantity × price"
MEANT_BY_THE_CONTRACT = ("money.asked.discount.amount", "money.asked.refund_open", "money.asked.tax_open")
"""Questions that the contract answers: an ``amount`` is what is paid after discount, before any refund."""

Numbers = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Parts:
    """Which headings hold which part of the money: as mapped, or as their names say.

    ``amount`` is what is taken as paid: a heading, :data:`PRODUCT`, or empty. ``others`` are further numbers, of which
    ``paid_words`` are called like something paid and ``off_words`` like something taken off.
    """

    amount: str = ""
    amounts: tuple[str, ...] = ()
    quantity: str = ""
    price: str = ""
    discount: str = ""
    refund: str = ""
    tax: str = ""
    postage: str = ""
    others: tuple[str, ...] = ()
    paid_words: frozenset[str] = frozenset()
    off_words: frozenset[str] = frozenset()

    @property
    def headings(self) -> list[str]:
        """All of them, each once."""
        named = (self.amount, *self.amounts, self.quantity, self.price, self.discount, self.refund, self.tax)
        listed = dict.fromkeys((*named, self.postage, *self.others))
        return [heading for heading in listed if heading and heading != PRODUCT]


@dataclass(frozen=True)
class Equation:
    """``whole`` is ``base`` less or plus parts, in ``fit`` of the ``rows`` in which a part is not 0.

    ``form`` says what the discount is: ``amount``, ``rate`` (0.2), ``percent`` (20), ``paid_rate`` (0.8 is paid),
    ``each`` (off every piece), or empty. ``signs``: heading: -1 or 1 of the other parts.
    """

    whole: str
    base: str
    discount: str = ""
    form: str = ""
    signs: tuple[tuple[str, int], ...] = ()
    rows: int = 0
    fit: int = 0


@dataclass
class Verdict:
    """What the tests say: ``amount`` (a heading or a filling; None: as it was), the ``discount`` by which it was told
    and its ``form`` (empty: there is none), ``evidence`` for what is taken, and what has to be ``asked``."""

    amount: Any = None
    discount: str = ""
    form: str = ""
    net_of_refund: bool = False
    sure: bool = True
    evidence: list[Saying] = field(default_factory=list)
    asked: list[Saying] = field(default_factory=list)


def numbers_under(connection: Any, sources: Sequence[Source], headings: Sequence[str], habits: Habits) -> Numbers:
    """The numbers under headings, by heading, NaN where there is none; columns that are no numbers are left out.

    At most :data:`MOST_ROWS` rows, evenly spread over the files.
    """
    known = [h for h in dict.fromkeys(headings) if any(s.heading(h) for s in sources)][:MOST_COLUMNS]
    if not known:
        return {}
    selects = []
    for source in sources:
        cells = []
        for n, heading in enumerate(known):
            found = source.heading(heading)
            cells.append(f"CAST({source.names[found]} AS VARCHAR) AS m{n}" if found else f"NULL AS m{n}")
        selects.append(f"SELECT {', '.join(cells)}, {literal(source.file)} AS {FILE}, {ROW} FROM ({source.sql})")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE _money AS {' UNION ALL '.join(selects)}")
    step = 1 + connection.execute("SELECT count(*) FROM _money").fetchone()[0] // MOST_ROWS
    cells_ = [Cell(heading, "number", identifier(f"m{n}"), heading=heading) for n, heading in enumerate(known)]
    mended, _ = examine(connection, "_money", cells_, habits, place="")
    columns = ", ".join(f"{mended[h].value} AS v{n}, {mended[h].filled} AS f{n}" for n, h in enumerate(known))
    rows = connection.execute(
        f"SELECT {columns} FROM (SELECT *, row_number() OVER (ORDER BY {FILE}, {ROW}) AS nth FROM _money) "
        f"WHERE nth % {step} = 0"
    ).fetchnumpy()
    connection.execute("DROP TABLE _money")
    numbers = {}
    for n, heading in enumerate(known):
        values = np.ma.filled(rows[f"v{n}"].astype(float), np.nan)
        filled = np.ma.filled(rows[f"f{n}"], False).astype(bool)
        if filled.any() and np.isfinite(values[filled]).mean() > FITS:
            numbers[heading] = np.where(np.isfinite(values) & (np.abs(values) < 1e13), values, np.nan)
    return numbers


def judged(numbers: Numbers, parts: Parts) -> Verdict:
    """What the columns of a file say of its amount, its discount and its refund.

    >>> paid = {"Qty": [1, 2, 1], "Price": [50, 50, 80], "Off": [10, 20, 5], "Payable": [40, 80, 75]}
    >>> numbers = {heading: np.array(values, float) for heading, values in paid.items()}
    >>> verdict = judged(numbers, Parts(PRODUCT, (), "Qty", "Price", "Off", others=("Payable",)))
    >>> verdict.amount, verdict.form, str(verdict.evidence[0])
    ('Payable', 'amount', "'Payable' = 'Qty' × 'Price' − 'Off' in 3 of 3 rows")
    """
    return _Judge(numbers, parts).verdict()


class _Judge:
    """One file's numbers and what they can be parts of."""

    def __init__(self, numbers: Numbers, parts: Parts) -> None:
        self.parts = parts
        self.numbers = dict(numbers)
        self.with_refund = "sum"
        for heading in {parts.refund, parts.discount} & numbers.keys():
            if (np.nan_to_num(numbers[heading]) <= 0).all():
                # Refunds and discounts that stand with a minus are the same money.
                self.numbers[heading] = -numbers[heading]
                self.with_refund = "difference" if heading == parts.refund else self.with_refund
        if {parts.quantity, parts.price} <= numbers.keys():
            self.numbers[PRODUCT] = numbers[parts.quantity] * numbers[parts.price]
        named = dict.fromkeys((parts.amount, *parts.amounts, *parts.others))
        taken = {parts.discount, parts.refund, parts.tax, parts.postage, parts.quantity, parts.price}
        self.amounts = [h for h in named if h in self.numbers and h not in taken and h != PRODUCT and self._some(h)]
        self.bases = [*([PRODUCT] if PRODUCT in self.numbers else []), *self.amounts]
        self.equations = {whole: list(self._equations(whole)) for whole in self.amounts}

    def _some(self, heading: str) -> bool:
        """Whether there is a number other than 0 under a heading."""
        return heading in self.numbers and bool((np.nan_to_num(self.numbers[heading]) != 0).any())

    # Which equations hold

    def _discounts(self, whole: str, base: str) -> list[str]:
        """What may have been taken off: the column that is called so, else those whose name speaks of it."""
        if self._some(self.parts.discount):
            return [self.parts.discount]
        return [h for h in self.amounts if h in self.parts.off_words and h not in (whole, base)]

    def _equations(self, whole: str) -> Iterator[Equation]:
        signs = [(self.parts.refund, -1), (self.parts.postage, 1), (self.parts.tax, 1), (self.parts.tax, -1)]
        further = [(h, sign) for h, sign in signs if self._some(h)]
        sets = [s for n in range(4) for s in itertools.combinations(further, n) if len({h for h, _ in s}) == len(s)]
        for base in self.bases:
            if base == whole:
                continue
            for discount in ["", *self._discounts(whole, base)]:
                for form in _forms(self.numbers.get(discount), base == PRODUCT) if discount else [""]:
                    for chosen in sets:
                        made = self._tested(Equation(whole, base, discount, form, chosen))
                        if made:
                            yield made

    def _tested(self, one: Equation) -> Equation | None:
        """An equation with its evidence; None where it does not hold."""
        left, right, tolerance = self.numbers[one.whole], self._right(one), self._tolerance(one)
        known = np.isfinite(left) & np.isfinite(right)
        holds = known & (np.abs(left - right) <= tolerance + 1e-9 * np.abs(right))
        parts = [*([one.discount] if one.discount else []), *(h for h, _ in one.signs)]
        active = np.zeros(len(left), bool)
        for part in parts:
            there = known & (np.nan_to_num(self.numbers[part]) != (1 if one.form == "paid_rate" else 0))
            if not there.any() or holds[there].mean() < FITS:
                return None
            active |= there
        if one.discount and self._holds_where(replace(one, discount="", form=""), active):
            return None  # to the cent without it: a rate of some per cent only hides in what rounding allows
        resting = known & ~active & (np.nan_to_num(right) != 0)
        if parts and resting.sum() >= SURE_FROM and holds[resting].mean() < 0.5:
            return None
        counted = active if parts else known & ((left != 0) | (right != 0))
        if not counted.any() or holds[counted].mean() < FITS:
            return None
        return Equation(
            one.whole, one.base, one.discount, one.form, one.signs, int(counted.sum()), int(holds[counted].sum())
        )

    def _right(self, one: Equation) -> np.ndarray:
        base = self.numbers[one.base]
        off = np.nan_to_num(self.numbers[one.discount]) if one.discount else 0.0
        if one.form == "each":
            off = off * self.numbers[self.parts.quantity]
        right = {
            "rate": lambda: base * (1 - off),
            "percent": lambda: base * (1 - off / 100),
            "paid_rate": lambda: base * off,
        }.get(one.form, lambda: base - off)()
        for heading, sign in one.signs:
            right = right + sign * np.nan_to_num(self.numbers[heading])
        return np.asarray(right, float)

    def _tolerance(self, one: Equation) -> float:
        """A cent; half a unit where a rate was applied and the result is written in whole units."""
        whole = self.numbers[one.whole]
        rounded = one.form in ("rate", "percent", "paid_rate") and bool((whole[np.isfinite(whole)] % 1 == 0).all())
        return 0.505 if rounded else 0.0105

    # What follows

    def verdict(self) -> Verdict:
        """Amount first, then what was taken off, paid back, and due in tax."""
        made = Verdict()
        amount = self._amount(made)
        if amount in self.numbers:
            self._refund(made, amount)
            self._tax(made, amount)
        return made

    def _amount(self, made: Verdict) -> str:
        """What was paid, after discount; the first question that is answered, or asked."""
        given = self.parts.amount
        discounted = {w: [e for e in found if e.form] for w, found in self.equations.items()}
        wholes = [w for w, found in discounted.items() if found]
        if given in wholes:
            made.discount, made.form = discounted[given][0].discount, discounted[given][0].form
            made.evidence.append(self._said(discounted[given][0]))
            return given
        bases = {e.base for w in wholes for e in discounted[w]}
        named = [w for w in wholes if w in self.parts.amounts or w in self.parts.paid_words] or wholes
        plain = [w for w in named if not any(e.signs for e in discounted[w])] or named
        if wholes and len(plain) == 1 and (given in ("", PRODUCT) or given in bases or self._same(given, bases)):
            best = discounted[plain[0]][0]
            made.amount, made.sure = plain[0], best.rows >= SURE_FROM
            made.discount, made.form = best.discount, best.form
            made.evidence.append(self._said(best))
            return plain[0]
        if wholes:
            shown = [self._said(discounted[w][0]) for w in plain]
            made.form = discounted[plain[0]][0].form
            made.asked.append(words.later("money.asked.paid", given=self._name(given), equations=shown))
            return given
        if self._some(self.parts.discount):
            made.form = _form_by_content(self.numbers[self.parts.discount], self.numbers.get(given))
            if made.form != "amount" or given == PRODUCT or given not in self.parts.paid_words:
                made.asked.append(self._untested(given, made.form))
        elif given == PRODUCT:
            same = [w for w in self.amounts if self._plain(w, PRODUCT)]
            others = [w for w in self.amounts if w in (*self.parts.amounts, *self.parts.paid_words) and w not in same]
            if others:
                made.asked.append(words.later("money.asked.product", others=[f"'{w}'" for w in others]))
        return given

    def _same(self, given: str, bases: set[str]) -> bool:
        """Whether the amount that is given is, row by row, one of the sums before discount."""
        return any(e.base in bases and not e.signs and not e.form for e in self.equations.get(given, []))

    def _plain(self, whole: str, base: str) -> bool:
        return any(e.base == base and not e.form and not e.signs for e in self.equations.get(whole, []))

    def _untested(self, given: str, form: str) -> Saying:
        key = "rate" if form != "amount" else "product" if given == PRODUCT else "amount"
        said = {"amount": self._name(given), "discount": f"'{self.parts.discount}'"}
        return words.later(f"money.asked.discount.{key}", **said)

    def _refund(self, made: Verdict, amount: str) -> None:
        """Whether the amount is before or after what was paid back."""
        refund = self.parts.refund
        if not self._some(refund):
            return
        back = np.nan_to_num(self.numbers[refund]) > 0
        found = self.equations.get(amount, [])
        net = [e for e in found if (refund, -1) in e.signs]
        gross = [e for e in found if not any(h == refund for h, _ in e.signs) and self._holds_where(e, back)]
        left = [e for w, all_of in self.equations.items() if w != amount for e in all_of
                if e.base == amount and (refund, -1) in e.signs]  # fmt: skip
        said = {"amount": self._name(amount), "refund": f"'{refund}'", "form": self.with_refund}
        if net and not gross and not left:
            made.net_of_refund, made.amount = True, {self.with_refund: [amount, refund]}
            made.sure &= net[0].rows >= SURE_FROM
            made.evidence += [self._said(net[0]), words.later("money.net", **said)]
            return
        if (gross or left or amount == PRODUCT) and not net:
            made.evidence += [self._said(one) for one in (gross or left)[:1]]
            return
        paid = self.numbers[amount]
        over = int((back & (paid >= 0) & (paid - np.nan_to_num(self.numbers[refund]) < -0.005)).sum())
        key = "refund_over" if over else "refund_open"
        made.asked.append(words.later(f"money.asked.{key}", n=over, all=int(back.sum()), **said))

    def _holds_where(self, one: Equation, rows: np.ndarray) -> bool:
        left, right = self.numbers[one.whole][rows], self._right(one)[rows]
        known = np.isfinite(left) & np.isfinite(right)
        return bool(known.any()) and float((np.abs(left - right)[known] <= self._tolerance(one)).mean()) >= FITS

    def _tax(self, made: Verdict, amount: str) -> None:
        """Whether the amount is with or without tax, where a column or a plain rate tells."""
        tax = self.parts.tax
        found = self.equations.get(amount, [])
        whole = [w for w, all_of in self.equations.items() if w != amount for e in all_of
                 if e.base == amount and (tax, 1) in e.signs]  # fmt: skip
        if self._some(tax):
            paid, due = self.numbers[amount], np.nan_to_num(self.numbers[tax])
            if whole or any((tax, -1) in e.signs for e in found) or _plain_rate(paid, paid + due):
                with_tax = f"'{whole[0]}'" if whole else ""
                key = "without_tax" if whole else "without_tax_sum"
                said = {"amount": self._name(amount), "tax": f"'{tax}'", "whole": with_tax}
                made.asked.append(words.later(f"money.asked.{key}", **said))
            elif not any((tax, 1) in e.signs for e in found) and not _plain_rate(paid - due, paid):
                said = {"amount": self._name(amount), "tax": f"'{tax}'"}
                made.asked.append(words.later("money.asked.tax_open", **said))
            return
        for other in self.amounts:
            rate = _plain_rate(self.numbers[amount], self.numbers[other]) if other != amount else 0.0
            if rate:
                shown = f"'{other}'"
                asked = words.later("money.asked.plain_rate", amount=self._name(amount), whole=shown, rate=rate)
                made.asked.append(asked)
                return

    # How it is said

    def _name(self, heading: str) -> Saying | str:
        if heading == PRODUCT:
            return words.later("money.product", quantity=f"'{self.parts.quantity}'", price=f"'{self.parts.price}'")
        return f"'{heading}'"

    def _said(self, one: Equation) -> Saying:
        right = self._name(one.base)
        if one.form:
            right = words.later(f"money.less.{one.form}", base=right, discount=f"'{one.discount}'")
        for heading, sign in one.signs:
            right = words.later("money.plus" if sign > 0 else "money.minus", base=right, part=f"'{heading}'")
        left = self._name(one.whole)
        return words.later("money.equation", left=left, right=right, fit=one.fit, rows=one.rows)


def _forms(discount: np.ndarray | None, of_pieces: bool) -> list[str]:
    """What a discount may be, by its size: nothing above 1 is a share, nothing above 100 a percentage."""
    if discount is None:
        return []
    values = discount[np.isfinite(discount)]
    shares, percents = bool(((values >= 0) & (values <= 1)).all()), bool(((values >= 0) & (values <= 100)).all())
    return ["amount", *(["rate", "paid_rate"] if shares else []), *(["percent"] if percents else []),
            *(["each"] if of_pieces else [])]  # fmt: skip


def _form_by_content(discount: np.ndarray, amount: np.ndarray | None) -> str:
    """A discount of which no sum tells: none above 1, with fractions, while amounts are in the tens, is a rate."""
    values = discount[np.isfinite(discount) & (discount != 0)]
    paid = amount[np.isfinite(amount)] if amount is not None else np.array([])
    middle = float(np.median(np.abs(paid))) if len(paid) else 0.0
    if len(values) and values.min() > 0 and values.max() <= 1 and middle >= 10 and (values % 1 != 0).any():
        return "rate"
    return "amount"


def _plain_rate(without: np.ndarray, with_tax: np.ndarray) -> float:
    """The usual rate of tax by which one sum is above another in nearly all rows; 0 where there is none."""
    known = np.isfinite(without) & np.isfinite(with_tax) & (without > 0)
    if known.sum() < SURE_FROM:
        return 0.0
    for rate in PLAIN_RATES:
        off = np.abs(without[known] * (1 + rate) - with_tax[known])
        if float((off <= 0.0105 * (1 + rate)).mean()) >= FITS:
            return rate
    return 0.0
