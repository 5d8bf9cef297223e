"""Texts: identifiers in which every character counts, other texts, and customers' own words."""

from __future__ import annotations

from collections.abc import Mapping

from crmlib.engine import literal
from crmlib.intake.repairs.blanks import GUESTS, INVISIBLE, blank_words, keeps_na, marks, names_guests, surface
from crmlib.intake.repairs.cells import Cell, Habits, Lent, Plan, cases, matches
from crmlib.intake.repairs.characters import screened
from crmlib.words import Saying

_FLOAT = "^[0-9]+[.]0+$"
_FRACTION = "^[0-9]+[.][0-9]*[1-9][0-9]*$"
_SCIENTIFIC = "^[0-9]([.][0-9]+)?[eE][+][0-9]{2,}$"
_LONG = "^[0-9]{16,}$"
_ROUNDED = "^[0-9]{15}0+$"
_ERRORS = (
    "^#(REF!|VALUE!|NAME[?]|NUM!|NULL!|DIV/0!|SPILL!|CALC!|GETTING_DATA|BLOCKED!|CONNECT!|FIELD!|UNKNOWN!"
    "|NOT CALCULATED)$"
)
"""What a spreadsheet writes where a formula failed: the same for every row, so never an identifier."""
_MASKED = "[^*][*]{2,}|[*]{2,}[^*]"
_EMAIL = "^[^@ ]+@[^@ ]+[.][^@ .]+$"
_WIDE_LETTERS = "".join(chr(c) for c in range(0xFF10, 0xFF1A)) + "".join(
    chr(c) for start in (0xFF21, 0xFF41) for c in range(start, start + 26)
)
_NARROW_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_WIDE_SIGNS, _NARROW_SIGNS = "－＿．＠／", "-_.@/"


def screen(cell: Cell, habits: Habits) -> dict[str, str]:
    """SQL conditions that tell whether a column of texts needs a closer look."""
    blanks = f"[ {INVISIBLE}]"
    patterns = [f"^{blanks}", f"{blanks}$", blank_words(cell), marks(cell), *screened(cell)]
    if not cell.free:
        patterns += ["[*][*]", f"[{_wide(cell)[0]}]"]
    if cell.key:
        patterns += [_FLOAT, _SCIENTIFIC, _LONG, _ERRORS, "@.*[A-Z]", "[A-Z].*@"]
    if names_guests(cell):
        patterns.append(GUESTS)
    return {"dirty": matches(cell.raw, "|".join(patterns)), "empty": f"{cell.raw} = ''"}


def is_as_written(cell: Cell) -> str:
    """SQL: whether there is nothing to mend in a text."""
    return f"NOT {screen(cell, Habits('UTC'))['dirty']}"


def as_written(cell: Cell) -> dict[str, str]:
    """SQL conditions counted over a column that is not mended."""
    told = ("codes", "na", "filled", "masked", "long", "rounded")
    found = evidence(cell, Habits("UTC"), {"plain": cell.raw, "t": cell.raw})
    return {name: test for name, test in found.items() if name in told}


def layers(cell: Cell, habits: Habits, text: str) -> list[tuple[str, str]]:
    """What is worked out of the cleaned text before it is counted: full-width characters as plain ones."""
    return [("plain", _narrowed(text, cell) if not cell.free and habits.mends("full_width") else text)]


def evidence(cell: Cell, habits: Habits, names: Mapping[str, str]) -> dict[str, str]:
    """SQL conditions counted over the whole column."""
    plain = names["plain"]
    counted_always = {"filled": f"{plain} <> ''", "codes": matches(plain, "^[A-Z]{2,4}$") + f" AND {plain} <> 'NA'"}
    counted_always["na"] = f"{plain} = 'NA'"
    if cell.free:
        return counted_always
    counted_always |= {"masked": matches(plain, _MASKED), "wide": f"{names['t']} <> {plain}"}
    if not cell.key:
        return counted_always
    return {
        **counted_always,
        "floats": matches(plain, _FLOAT),
        "fractions": matches(plain, _FRACTION),
        "scientific": matches(plain, _SCIENTIFIC),
        "errors": matches(plain, _ERRORS),
        "long": matches(plain, _LONG),
        "rounded": matches(plain, _ROUNDED),
        "capitals": f"{plain} <> lower({plain}) AND {matches(plain, _EMAIL)}",
    }


def plan(cell: Cell, habits: Habits, counts: Mapping[str, int], lent: Lent, place: str) -> Plan:
    """How a column of texts is read."""
    around = surface(cell, habits, counts)
    text, mendings = around.text, list(around.mendings)
    decisions = _stated(cell, counts, habits)
    if counts.get("wide") and habits.mends("full_width"):
        mendings.append(("full_width", f"{text} <> {_narrowed(text, cell)}"))
        text = _narrowed(text, cell)
    branches = []
    if counts.get("floats") and not counts.get("fractions") and habits.mends("float_ids"):
        mendings.append(("float_ids", matches(text, _FLOAT)))
        branches.append((matches(text, _FLOAT), f"split_part({text}, '.', 1)"))
    if counts.get("capitals") and habits.mends("key_case"):
        capitals = f"{text} <> lower({text}) AND {matches(text, _EMAIL)}"
        mendings.append(("key_case", capitals))
        branches.append((capitals, f"lower({text})"))
    if counts.get("scientific") and habits.mends("destroyed_ids"):
        branches.append((matches(text, _SCIENTIFIC), "NULL"))
    if counts.get("errors"):
        branches.append((matches(text, _ERRORS), "NULL"))
    value = cases([*branches, ("true", text)]) if branches else text
    return Plan(value, around.filled, tuple(mendings), tuple(decisions))


def typed(cell: Cell) -> Plan:
    """How a column is read as text that is none: whole numbers that were stored as fractions without the ``.0``."""
    value, filled = cell.raw, f"{cell.raw} IS NOT NULL"
    if not cell.type.upper().startswith(("FLOAT", "DOUBLE", "DECIMAL")):
        return Plan(f"CAST({value} AS VARCHAR)", filled)
    whole = f"{value} = trunc({value}) AND abs({value}) < 1e18"
    number = f"CASE WHEN {whole} THEN CAST(CAST({value} AS HUGEINT) AS VARCHAR) ELSE CAST({value} AS VARCHAR) END"
    return Plan(number, filled)


def _stated(cell: Cell, counts: Mapping[str, int], habits: Habits) -> list[Saying]:
    """What the whole column says about itself."""
    said = []
    if counts.get("na") and keeps_na(cell, counts):
        said.append(cell.decision("na_kept", n=counts["codes"]))
    if counts.get("guests") and habits.mends("guests"):
        said.append(cell.decision("guests", n=counts["guests"]))
    if counts.get("floats") and counts.get("fractions"):
        said.append(cell.decision("fractions_kept", n=counts["floats"], others=counts["fractions"]))
    if counts.get("scientific") and habits.mends("destroyed_ids"):
        said.append(cell.decision("destroyed", n=counts["scientific"]))
    if counts.get("rounded", 0) >= 3 and counts["rounded"] >= 0.9 * counts["long"]:
        said.append(cell.decision("rounded", n=counts["rounded"], long=counts["long"]))
    if counts.get("masked"):
        said.append(cell.decision("masked", n=counts["masked"]))
    return said


def _wide(cell: Cell) -> tuple[str, str]:
    """Full-width characters that are plain ones in such a cell, and those: letters and digits, in keys signs too."""
    signs = (_WIDE_SIGNS, _NARROW_SIGNS) if cell.key else ("", "")
    return _WIDE_LETTERS + signs[0], _NARROW_LETTERS + signs[1]


def _narrowed(text: str, cell: Cell) -> str:
    wide, narrow = _wide(cell)
    narrowed = f"translate({text}, {literal(wide)}, {literal(narrow)})"
    return f"CASE WHEN strlen({text}) = length({text}) THEN {text} ELSE {narrowed} END"
