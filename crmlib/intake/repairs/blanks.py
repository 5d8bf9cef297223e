"""Around the value: blanks, invisible characters, Excel's marks of text, and words that stand for nothing."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from crmlib.engine import literal
from crmlib.intake.repairs.cells import Cell, Habits, let, matches
from crmlib.intake.repairs.characters import UNSEEN, composed, remade, seen, unescaped

INVISIBLE = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009"
    "\u200a\u2028\u2029\u202f\u205f\u3000" + UNSEEN
)
"""Characters around a value that nobody sees: counted where they are taken away; plain blanks are not."""

_DATED = ("time", "date")
BUDDHIST_YEAR = "(?:^|[-/., 年月日])(24[5-9][0-9]|25[0-9]{2})(?:[-/., 年T]|$)"
"""A year from 2450 to 2599, which is one from 1907 to 2056 of the common calendar."""
_NULL_WORDS = "null|none|nan|nat|n/a|#n/a|na|\\(null\\)|<null>|<na>|\\\\n"
_NULL_AS_WRITTEN = "NULL|null|None|nan|NaN|NAN|NaT|NA|N/A|n/a|#N/A|#N/A N/A|\\(null\\)|<null>|<NA>|\\\\N"
_SIGNS = "[-—–－]+|[?？]+|\\.|/|未知|无|空|空值|暂无|不详|未填写|无数据"
_OF_A_PROGRAM = "[(（](?:空|空白|跳过|(?i:empty|blank|skipped))[)）]"
"""What survey programs write for a question that was not answered: no customer writes so in his own words."""
_UNKNOWN = (
    "(?i:unknown|none|tbd|keine angaben?|entf(?:ä|a\u0308|ae)llt|unbekannt|inconnue?|non renseign(?:é|e\u0301)e?"
    "|desconocid[oa])|k[.] ?[Aa][.]|n[.] ?v[.]"
)
GUESTS = "^(?i:guests?|anonymous|anonym|gast|游客|匿名|散客)$"
"""Words for nobody in particular that stand where a customer's key should."""
_CURRENCY_SIGNS = "[¥￥$€£৳₹元圆] ?-?"

SHOP_MARKS = "^=\"(.*)\"$|^'([-+=]?[0-9].*|[^' ]*[0-9][^' ]*)$"
_EQUALS_MARK = '^="(.*)"$'


@dataclass(frozen=True)
class Surface:
    """A raw cell's text without what stands around it, and SQL of where each repair of that kind changes it."""

    text: str
    filled: str
    mendings: tuple[tuple[str, str], ...]


def blank_words(cell: Cell, counts: Mapping[str, int] | None = None) -> str:
    """The pattern of what stands for an empty cell in a column of this kind.

    A customer's own words are blank only where a program wrote them (``null``, ``NaN``); in other texts ``NA`` is
    blank as well, unless the column consists of short codes in capitals among which it is North America, and so are
    the words for what nobody knows (``k.A.``, ``unknown``, ``non renseigné``).
    Among flags ``无`` may be the opposite of ``有``.
    """
    if cell.free:
        return f"^({_NULL_AS_WRITTEN}|{_OF_A_PROGRAM})$"
    if cell.kind == "text":
        words = _NULL_AS_WRITTEN
        if counts and keeps_na(cell, counts):
            words = words.replace("|NA|", "|")
        return f"^({words}|{_SIGNS}|{_OF_A_PROGRAM}|{_UNKNOWN})$"
    signs = f"{_SIGNS}|{_CURRENCY_SIGNS}" if cell.kind in ("number", "whole") else _SIGNS
    if cell.kind == "flag" and counts and counts.get("有", 0):
        signs = signs.replace("|无|", "|")
    return f"^((?i:{_NULL_WORDS})|{signs}|{_OF_A_PROGRAM}|{_UNKNOWN})$"


def is_blank(text: str, cell: Cell, counts: Mapping[str, int] | None = None) -> str:
    """SQL: whether a text stands for an empty cell; what the settings have put there never does."""
    blank = matches(text, blank_words(cell, counts))
    meant = ", ".join(literal(word) for word in sorted(cell.meant))
    return f"({blank} AND {text} NOT IN ({meant}))" if meant else blank


def names_guests(cell: Cell) -> bool:
    """Whether words for a guest mean that the cell names no customer: in the customer's own key only."""
    return cell.name == "customer_id"


def keeps_na(cell: Cell, counts: Mapping[str, int]) -> bool:
    """Whether ``NA`` is a code among codes: most of the other values are two to four capitals."""
    if cell.kind != "text" or cell.key or cell.free:
        return False
    return 2 * counts.get("codes", 0) > counts.get("filled", 0) - counts.get("na", 0)


def marks(cell: Cell) -> str:
    """The pattern of Excel's marks of text that a column of this kind may carry."""
    return _EQUALS_MARK if cell.kind == "text" and not cell.key else SHOP_MARKS


def steps(cell: Cell, habits: Habits) -> list[tuple[str, Callable[[str], str]]]:
    """What is done with the characters of a cell, one after the other: the repair's name, and SQL of what comes out.

    What stands around the value goes as soon as entities are read, since a blank may be written as one.
    """
    done: list[tuple[str, Callable[[str], str]]] = [("garbled", remade)]
    done += [("entities", unescaped), ("trimmed", trimmed)]
    done += [("unseen", functools.partial(seen, cell=cell))]
    done += [("composed", composed)] if cell.kind == "text" else []
    done += [("buddhist_years", in_common_years)] if habits.calendar == "buddhist" and cell.kind in _DATED else []
    return [(name, sql if habits.mends(name) else _plainly if name == "trimmed" else str) for name, sql in done]


def in_common_years(text: str) -> str:
    """SQL of a date whose year of the Buddhist calendar is the common one: 2567-02-29 is 2024-02-29."""
    year = f"regexp_extract(d, '{BUDDHIST_YEAR}', 1)"
    common = f"replace(d, {year}, CAST(try_cast({year} AS INTEGER) - 543 AS VARCHAR))"
    return let("d", text, f"CASE WHEN {matches('d', BUDDHIST_YEAR)} THEN {common} ELSE d END")


def surface_evidence(names: Sequence[str], cell: Cell, habits: Habits) -> dict[str, str]:
    """SQL conditions that tell which repairs a column needs.

    ``names`` are the columns with the raw cell and with what each of :func:`steps` makes of it.
    """
    changed = {name: f"{a} <> {b}" for (name, _), a, b in zip(steps(cell, habits), names, names[1:], strict=False)}
    at = [name for name, _ in steps(cell, habits)].index("trimmed")
    before, around, last = names[at], names[at + 1], names[-1]
    return {
        **changed,
        "spaced": f"{before} <> trim({before}, ' ')",
        "trimmed": f"trim({before}, ' ') <> {around}",
        "marked": matches(last, marks(cell)),
        "blank": is_blank(unmarked(last, cell), cell),
        "empty": f"{last} = ''",
        **({"guests": matches(unmarked(last, cell), GUESTS)} if names_guests(cell) else {}),
    }


def trimmed(raw: str) -> str:
    """SQL of a text without blanks and invisible characters around it."""
    edges = f"[ {INVISIBLE}]"
    return f"CASE WHEN {matches(raw, f'^{edges}|{edges}$')} THEN trim({raw}, {_all_blanks()}) ELSE {raw} END"


def cleaned(text: str, cell: Cell, habits: Habits) -> str:
    """SQL of the text without what may stand around it; NULL where nothing is left."""
    if habits.mends("text_marks") and not cell.free:
        text = unmarked(text, cell)
    return f"nullif({text}, '')"


def _plainly(text: str) -> str:
    return f"trim({text}, ' ')"


def unmarked(text: str, cell: Cell) -> str:
    """SQL of a text without Excel's marks of text."""
    mark = marks(cell)
    inside = "\\1" if mark == _EQUALS_MARK else "\\1\\2"
    inner = f"regexp_replace({text}, {literal(mark)}, {literal(inside)})"
    return f"CASE WHEN {matches(text, mark)} THEN {inner} ELSE {text} END"


def surface(cell: Cell, habits: Habits, counts: Mapping[str, int]) -> Surface:
    """The text of a cell as this column needs it: only what was found in it is looked for."""
    text, mendings = cell.raw, []
    for name, mended in steps(cell, habits):
        if counts.get(name):
            plain = f"trim({text}, ' ')" if name == "trimmed" else text
            text, before = mended(text), plain
            mendings.append((name, f"{before} <> {text}"))
        elif name == "trimmed" and counts.get("spaced"):
            text = f"trim({text}, ' ')"
    if counts.get("marked") and habits.mends("text_marks") and not cell.free:
        mendings.append(("text_marks", matches(text, marks(cell))))
        text = unmarked(text, cell)
    empties = bool(counts.get("empty"))
    if counts.get("blank") and habits.mends("blanks"):
        word = is_blank(text, cell, counts)
        mendings.append(("blanks", word))
        text = f"CASE WHEN NOT {word} THEN {text} END"
    if counts.get("guests") and habits.mends("guests"):
        guest = matches(text, GUESTS)
        mendings.append(("guests", guest))
        text = f"CASE WHEN NOT {guest} THEN {text} END"
    filled = f"coalesce({text} <> '', false)" if empties else f"({text}) IS NOT NULL"
    if empties and cell.kind == "text":
        text = f"nullif({text}, '')"
    return Surface(text, filled, tuple(mendings))


def _all_blanks() -> str:
    return literal(" " + INVISIBLE)
