"""Numbers: money with its signs, thousands, negatives; the comma before the fraction, decided on the whole column."""

from __future__ import annotations

from collections.abc import Mapping

from crmlib.engine import literal
from crmlib.intake.repairs import scores
from crmlib.intake.repairs.blanks import Surface, is_blank, surface
from crmlib.intake.repairs.cells import Cell, Habits, Lent, Plan, any_of, let, matches, words
from crmlib.problems import Problem
from crmlib.words import Saying

FEW = 20
"""From so many numbers on, of which every point parts three digits, the points may part thousands."""

CURRENCY = (
    "(?:US[$]|CN[¥￥]|JP[¥￥]|HK[$]|NT[$]|AU?[$]|CA?[$]|R[$]|S[$]|RMB|CNY|USD|EUR|GBP|HKD|TWD|JPY|INR|BDT|AUD|CAD|CHF|SGD|MYR|THB|IDR"
    "|VND|KRW|BRL|MXN|ZAR|RUB|TRY|PLN|SEK|NOK|DKK|AED|TK[.]?|RS[.]?|KR[.]?|ZŁ|FR[.]?|人民币|美元|欧元|英镑|港币|港元|日元|元整"
    "|块钱|块|元|圆|円|[¥￥$€£৳₹₩₫₽₺฿₱₦₴₪])"
)
_GAPS = " \\x{a0}\\x{202f}\\x{2009}'’"
_NUMBER = f"((?:[1-9][0-9]{{0,2}}(?:[{_GAPS}][0-9]{{3}})+(?:[.,][0-9]+)?)|[0-9][0-9.,]*|[.,][0-9]+)"
_SIGN = "(?:[-+] ?)?"
_MARK = f"(?:{CURRENCY} ?)?"
_UNIT = "(?: ?(?:万|萬|亿|億|%))?"
_MARKS_BEFORE = f"(?:{_SIGN}{_MARK}|{_MARK}{_SIGN})(?:[(] ?)?{_MARK}"
_SHAPE = f"^{_MARKS_BEFORE}{_NUMBER}{_UNIT}(?: ?{CURRENCY})?(?: ?[)])?(?: ?{CURRENCY})?-?$"
_SIGNS = "¥￥$€£৳₹元"
_SIMPLE = f"^(-?[{_SIGNS}]? ?|[{_SIGNS}] ?-)[0-9][0-9.,]*( ?[{_SIGNS}])?$"
"""The most common forms of money, for which a plain trim is enough."""
_PARTED = "[1-9][0-9]{0,2}"
_GROUPED = f"{_PARTED}(,[0-9]{{2,3}})*,[0-9]{{3}}"
_ONE_COMMA = f"^{_PARTED},[0-9]{{3}}$"
_ONE_POINT = f"^{_PARTED}[.][0-9]{{3}}$"
_PLAIN = "^([0-9]+|[0-9]*[.][0-9]+|[0-9]+[.])$"
_COMMAS_PART = f"^{_GROUPED}[.][0-9]*$|^{_PARTED}(,[0-9]{{2,3}})+,[0-9]{{3}}$"
_POINTS_PART = f"^{_PARTED}([.][0-9]{{3}})+,[0-9]+$|^{_PARTED}([.][0-9]{{3}}){{2,}}$"
_NO_FRACTION = "([0-9][.,])[-–—―‐−]{1,2}( |[)]|[A-Za-z€£¥元]|$)"
"""Prices without a fraction as shops write them: 12.- and 5,–."""
_NO_PAISE = "([0-9])/[-–—―‐−]( |[)]|[A-Za-z€£¥元₹]|$)"
"""The same in India: 999/-."""
_WIDE, _NARROW = "０１２３４５６７８９．，－（）＋％−–‐　", "0123456789.,-()+%--- "


def screen(cell: Cell, habits: Habits) -> dict[str, str]:
    """SQL conditions that tell whether a column of numbers needs a closer look."""
    raw = cell.raw
    return {
        "dirty": f"{raw} IS NOT NULL AND NOT {_strict(raw)}",
        "pointed": f"contains({raw}, '.')",
        "three": f"substr({raw}, -4, 1) = '.'",
    }


def is_as_written(cell: Cell) -> str:
    """SQL: whether a cell stands in a form that is read without mending, if it is a number at all."""
    return _strict(cell.raw)


def as_written(cell: Cell) -> dict[str, str]:
    """SQL conditions counted over a column that is not mended."""
    return {"empty": f"{cell.raw} = ''"}


def needs_a_look(habits: Habits, counts: Mapping[str, int]) -> bool:
    """Whether numbers that can all be read may still mean something else: 1.377 that is 1377."""
    if habits.decimal == ".":
        return False
    return counts["three"] > 0 and (habits.decimal == "," or counts["three"] == counts["pointed"])


def layers(cell: Cell, habits: Habits, text: str) -> list[tuple[str, str]]:
    """What is worked out of the cleaned text: in plain characters, and its digits with points and commas."""
    plain = matches(text, "^[-+]?[0-9]*[.]?[0-9]+$")
    return [
        ("body", f"CASE WHEN {plain} THEN {text} ELSE {_body(text)} END"),
        ("core", f"CASE WHEN {plain} THEN ltrim({text}, '+-') ELSE {_core('{body}')} END"),
    ]


def evidence(cell: Cell, habits: Habits, names: Mapping[str, str]) -> dict[str, str]:
    """SQL conditions counted over the whole column."""
    body, core = names["body"], names["core"]
    slow = f"NOT coalesce({_strict(names['t'])}, true)"
    return {
        "slow": f"{slow} AND {core} <> ''",
        "comma sure": _comma_for_sure(core),
        "point sure": f"{matches(core, _COMMAS_PART)} OR {matches(core, '[.]')} AND {matches(core, _PLAIN)} "
        f"AND NOT {matches(core, _ONE_POINT)}",
        "one comma": matches(core, _ONE_COMMA),
        "one comma of money": f"{matches(core, _ONE_COMMA)} AND {matches(body, '[¥￥$£৳₹元圆]|CNY|RMB|USD|GBP')}",
        "one point": matches(core, _ONE_POINT),
        "wide": f"{slow} AND {body} <> {_body(names['t'], wide=False)}",
        "percent": f"{core} <> '' AND contains({body}, '%')",
        "wan": f"{core} <> '' AND {matches(body, '[万萬亿億]')}",
        "number": f"{core} <> ''",
        **scores.evidence(cell, names["t"]),
        "written": f"{names['t']} IS NOT NULL AND NOT {is_blank(names['t'], cell)}",
    }


def own_decimal(habits: Habits, counts: Mapping[str, int]) -> str | None:
    """What a column's own cells say about the character before the fraction; None: nothing, or both."""
    comma, point = counts.get("comma sure", 0), counts.get("point sure", 0)
    if not habits.mends("decimal_comma"):
        return "."
    if not counts["dirty"] and counts["pointed"] > counts["three"]:
        return "."
    if comma and not point:
        return ","
    if point and not comma:
        return "."
    if not point and counts.get("one comma of money"):
        return "."
    return None


def leaves_open(counts: Mapping[str, int]) -> bool:
    """Whether a column has numbers such as 1,234 or 1.234, which other columns may explain."""
    return bool(counts.get("one comma") or counts.get("one point"))


def are_numbers(counts: Mapping[str, int]) -> bool:
    """Whether a column holds numbers and nothing else."""
    return not counts["dirty"] or 0 < counts.get("written", 0) == counts.get("number", 0)


def plan(cell: Cell, habits: Habits, counts: Mapping[str, int], lent: Lent, place: str) -> Plan:
    """How a column of numbers is read."""
    around = surface(cell, habits, counts)
    text = around.text
    if scores.are_scores(cell, habits, counts):
        return scores.plan(cell, counts, around)
    decimal, decisions, problems = _decide(cell, habits, counts, lent, place)
    slow_needed = bool(counts.get("slow")) or (decimal == "," and bool(counts.get("one point")))
    if not slow_needed:
        return Plan(_as_kind(_if_strict(text), cell), around.filled, around.mendings, decisions, problems)
    strict = _strict(text)
    if decimal == "," and counts.get("one point"):
        strict = f"({strict} AND NOT {matches(f'trim({text})', _ONE_POINT.replace('^', '^[-+]?'))})"
    return _plan_slow(cell, habits, counts, around, strict, decimal, decisions, problems)


def _plan_slow(
    cell: Cell,
    habits: Habits,
    counts: Mapping[str, int],
    around: Surface,
    strict: str,
    decimal: str,
    decisions: tuple[Saying, ...],
    problems: tuple[Problem, ...],
) -> Plan:
    """How a column is read in which some numbers need mending."""
    text = around.text
    body = _body(text, wide=bool(counts.get("wide")))
    comma = _comma_cells("c", decimal, counts, habits)
    bare = matches("b", "^[-+]?[0-9.,]+$")
    kinds = [("decimal_comma", comma)] if comma else []
    if counts.get("percent"):
        kinds.append(("percent", "contains(b, '%')"))
    kinds.append(("money", f"NOT contains(b, '%') AND NOT ({bare} AND {comma or 'false'})"))
    off = [condition for name, condition in kinds if not habits.mends(name)]
    negative = matches("b", "^[(]|^[^0-9(]*[-(]|-$")
    exponent = (
        f"CASE WHEN {matches('b', '[万萬]')} THEN 'e4' WHEN {matches('b', '[亿億]')} THEN 'e8' "
        "WHEN contains(b, '%') THEN 'e-2' ELSE '' END"
    )
    exponent = f" || {exponent}" if counts.get("percent") or counts.get("wan") else ""
    number = f"try_cast(CASE WHEN {negative} THEN '-' ELSE '' END || {_digits('c', comma)}{exponent} AS DOUBLE)"
    unread = f"WHEN {any_of(off)} THEN NULL " if off else ""
    mended = let("b", body, let("c", _core("b"), f"CASE {unread}WHEN c <> '' THEN {number} END"))
    value = f"CASE WHEN {strict} THEN try_cast({text} AS DOUBLE) ELSE {mended} END"

    def where(condition: str) -> str:
        found = let("b", body, let("c", _core("b"), f"({_digits('c', comma)}) <> '' AND {condition}"))
        return f"CASE WHEN NOT {strict} THEN {found} END"

    mendings = tuple((name, where(condition)) for name, condition in kinds if habits.mends(name))
    refused = next((sql for name, sql in mendings if name == "percent" and _is_money(cell)), "")
    return Plan(_as_kind(value, cell), around.filled, (*around.mendings, *mendings), decisions, problems, refused)


def _is_money(cell: Cell) -> bool:
    return cell.unit == "money"


def typed(cell: Cell) -> Plan:
    """How a column of numbers is read that is no text."""
    filled = f"{cell.raw} IS NOT NULL"
    kind = cell.type.upper()
    if kind.startswith(("FLOAT", "DOUBLE", "REAL")):
        number = f"CAST({cell.raw} AS DOUBLE)"
        return Plan(_as_kind(f"CASE WHEN isfinite({number}) THEN {number} END", cell), filled)
    if ("INT" in kind and "INTERVAL" not in kind) or kind.startswith(("DECIMAL", "NUMERIC")):
        if cell.kind == "whole" and "INT" in kind:
            return Plan(f"try_cast({cell.raw} AS BIGINT)", filled)
        return Plan(_as_kind(f"CAST({cell.raw} AS DOUBLE)", cell), filled)
    return Plan(_as_kind(_if_strict(f"CAST({cell.raw} AS VARCHAR)"), cell), filled)


def _decide(
    cell: Cell, habits: Habits, counts: Mapping[str, int], lent: Lent, place: str
) -> tuple[str, tuple[Saying, ...], tuple[Problem, ...]]:
    """The character before the fraction of this column, what is to be said about it, and what cannot be decided."""
    comma, point = counts.get("comma sure", 0), counts.get("point sure", 0)
    unsure_commas, unsure_points = counts.get("one comma", 0), counts.get("one point", 0)
    said = _units(cell, counts)
    own = own_decimal(habits, counts)
    if habits.decimal:
        return habits.decimal, said, ()
    if own == ",":
        return ",", (cell.decision("comma_is_decimal", n=comma), *said), ()
    if own == ".":
        if unsure_commas and habits.mends("decimal_comma"):
            key = "comma_is_thousands" if point else "comma_of_currency"
            said = (cell.decision(key, n=point), *said)
        return ".", said, ()
    if comma and point and not (unsure_commas or unsure_points):
        return ".", (cell.decision("decimals_differ", comma=comma, point=point), *said), ()
    if not comma and lent.decimal and (unsure_commas or unsure_points >= (1 if lent.decimal == "," else FEW)):
        key = "comma_is_decimal_as" if lent.decimal == "," else "comma_is_thousands_as"
        return lent.decimal, (cell.decision(key, other=lent.decimal_from), *said), ()

    def undecided(key: str, **values: int) -> tuple[str, tuple[Saying, ...], tuple[Problem, ...]]:
        return ".", said, (Problem.said(words, key, place, cell.shown, **values),)

    if comma and point:
        return undecided("decimal_both", comma=comma, point=point, either=unsure_commas + unsure_points)
    if unsure_commas:
        return undecided("decimal_comma", n=unsure_commas)
    if unsure_points >= FEW or (unsure_points == counts.get("pointed") and unsure_points and lent.decimals_differ):
        return undecided("decimal_point")
    if unsure_points and unsure_points == counts.get("pointed"):
        said = (cell.decision("point_is_decimal", n=unsure_points), *said)
    return ".", said, ()


def _units(cell: Cell, counts: Mapping[str, int]) -> tuple[Saying, ...]:
    said = []
    if counts.get("percent") and not _is_money(cell):
        said.append(cell.decision("percent", n=counts["percent"]))
    if counts.get("wan"):
        said.append(cell.decision("wan", n=counts["wan"]))
    return tuple(said)


def _strict(text: str) -> str:
    """SQL: a finite number in the form in which programs write it."""
    return f"coalesce(isfinite(try_cast({text} AS DOUBLE)) AND NOT contains({text}, '_'), false)"


def _if_strict(text: str) -> str:
    return f"CASE WHEN {_strict(text)} THEN try_cast({text} AS DOUBLE) END"


def _as_kind(number: str, cell: Cell) -> str:
    if cell.kind != "whole":
        return number
    return f"CASE WHEN ({number}) = trunc({number}) THEN try_cast({number} AS BIGINT) END"


def _body(text: str, *, wide: bool = True) -> str:
    """SQL of a number in capitals and plain characters; a dash in place of the fraction is none, and no minus."""
    dash = f"regexp_replace({text}, {literal(_NO_FRACTION)}, '\\100\\2')"
    whole = f"regexp_replace({text}, {literal(_NO_PAISE)}, '\\1\\2')"
    forms = f"WHEN {matches(text, _NO_FRACTION)} THEN {dash} WHEN {matches(text, _NO_PAISE)} THEN {whole}"
    text = f"CASE {forms} ELSE {text} END"
    if wide:
        plain = f"translate({text}, {literal(_WIDE)}, {literal(_NARROW)})"
        text = f"CASE WHEN {matches(text, f'[{_WIDE}]')} THEN {plain} ELSE {text} END"
    return f"upper(trim({text}))"


def _core(body: str) -> str:
    """SQL of a number's digits with its points and commas; empty where the text is no number."""
    number = f"regexp_extract({body}, {literal(_SHAPE)}, 1)"
    even = f"contains({body}, '(') = contains({body}, ')')"
    simple = f"WHEN {matches(body, _SIMPLE)} THEN trim({body}, {literal(f'- {_SIGNS}')})"
    return f"CASE {simple} WHEN {even} THEN regexp_replace({number}, '[^0-9.,]', '', 'g') END"


def _comma_for_sure(core: str) -> str:
    """SQL: digits that can only be read with a comma before the fraction, or with points that part thousands."""
    return f"{matches(core, _POINTS_PART)} OR {matches(core, '^[0-9]*,[0-9]+$')} AND NOT {matches(core, _ONE_COMMA)}"


def _comma_cells(core: str, decimal: str, counts: Mapping[str, int], habits: Habits) -> str:
    """SQL: the cells of this column that have a comma before the fraction; empty: there are none."""
    if decimal == ",":
        return f"({_comma_for_sure(core)} OR {matches(core, f'{_ONE_COMMA}|{_ONE_POINT}')})"
    if counts.get("comma sure") and habits.decimal is None and habits.mends("decimal_comma"):
        return f"({_comma_for_sure(core)})"
    return ""


def _digits(core: str, comma: str) -> str:
    """SQL of a number's digits with a point before the fraction; NULL where they make no number."""
    when_comma = f"WHEN {comma} THEN replace(replace({core}, '.', ''), ',', '.') " if comma else ""
    point = f"{_PLAIN}|^{_GROUPED}([.][0-9]*)?$"
    return f"CASE {when_comma}WHEN {matches(core, point)} THEN replace({core}, ',', '') END"
