"""Scores as people and survey tools write them: with words before or after, of a maximum, as stars, faces or words."""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping
from pathlib import Path

import yaml

from crmlib.engine import literal
from crmlib.intake.repairs.blanks import Surface
from crmlib.intake.repairs.cells import DIFFERENT, Cell, Habits, Plan, cases, let, matches

_SCORE = "([0-9]{1,3}(?:[.,][0-9]+)?)"
_IN_BRACKETS = "[(（][^()（）]*[^0-9()（） ][^()（）]*[)）]"
_UNIT = "(?:分|颗?星|(?i:stars?|points?|sternen?|punkten?|étoiles?|estrellas?))"
_AFTER = f"^{_SCORE} ?(?:{_IN_BRACKETS}|[-–—:：=] ?\\pL.*|{_UNIT})$"
"""10(极有可能), 5 - Very satisfied, 9分."""
_BEFORE = f"^\\pL[^0-9]*?[-–—:：=(（\\[ ] ?{_SCORE} ?{_UNIT}?[)）\\]]?$|^[㐀-鿿]+{_SCORE}分?$"
"""Extremely likely - 10, 极有可能（10分）, Very satisfied 5."""
_BEHIND = f"^{_SCORE}[.．、)）]? ?\\pL[^0-9]*$|^[(（\\[]{_SCORE}[)）\\]](?: ?\\pL.*)?$"
"""5 Very satisfied, 5、非常满意, (8) likely."""
_MAXIMUM = (
    f"^{_SCORE} ?(?:[/／]|(?i:out of|of|von|sur|de|di|van|av)) ?([0-9]{{1,3}}) ?{_UNIT}?(?: ?[-–—:：=(（] ?\\pL.*)?$"
)
"""4/5, 8 out of 10, 4 von 5 Sternen, 3/10 - slow."""
_STARS = "^[★⭐🌟]{1,10}[☆✩]*$|^[☆✩]{3,10}$"
_PLAIN = f"^{_SCORE}$"
_MADE_A_DAY = "^[0-9]+-(?i:jan|feb|mar|mrz|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez)[.]?$"
"""What a spreadsheet program makes of the range 1-2: no score."""
_JOINER = "[\ufe0f\ufe0e]"
_PICTURE = "[\\p{So}\\p{Me}\\x{FE0E}\\x{FE0F}\\x{200D}\\x{1F3FB}-\\x{1F3FF}]"
_PICTURES = f" ?[-–—:：=]? ?[(（\\[]?{_PICTURE}+[)）\\]]? ?[-–—:：=]? ?"


def evidence(cell: Cell, text: str) -> dict[str, str]:
    """SQL conditions that tell whether a column holds scores in other forms than plain numbers."""
    found = {
        "with words": f"{matches(text, _AFTER)} AND NOT {matches(text, _MADE_A_DAY)}",
        "without words": matches(text, _PLAIN),
    }
    if is_answer(cell):
        written, text = text, _said(text)
        found |= {
            "with words": f"{matches(text, _AFTER)} AND NOT {matches(text, _MADE_A_DAY)}",
            "beside pictures": f"{text} <> {written} AND {matches(text, _PLAIN)}",
            "words first": matches(text, _BEFORE),
            "words behind": f"{matches(text, _BEHIND)} AND NOT {matches(text, _AFTER)}",
            "of a maximum": matches(text, _MAXIMUM),
            "maxima": f"{DIFFERENT}nullif(regexp_extract({text}, {literal(_MAXIMUM)}, 2), '')",
            "stars": matches(_bare(text), _STARS),
            "as words": f"{_bare(text)} IN ({', '.join(map(literal, _meanings()))})",
        }
    return found


def is_answer(cell: Cell) -> bool:
    """Whether a column holds answers of people on a scale, which stand in many forms.

    >>> is_answer(Cell("score", "number", "c1")), is_answer(Cell("quantity", "number", "c1"))
    (True, False)
    """
    return cell.name in ("score", "csat") or cell.name.startswith("item_")


def answered(text: str) -> str:
    """SQL: whether a text is an answer of somebody on a scale, in one of its forms.

    >>> import duckdb
    >>> said = "SELECT list_transform(['9分', '4/5', '★★★☆☆', '10 - Très probable', '😀 good', 'who'], lambda t: {0})"
    >>> duckdb.sql(said.format(answered("t"))).fetchone()[0]
    [True, True, True, True, True, False]
    """
    shapes = [matches("said", shape) for shape in (_PLAIN, _AFTER, _BEFORE, _BEHIND, _MAXIMUM)]
    words = ", ".join(map(literal, _meanings()))
    said = f"({' OR '.join(shapes)} OR {matches(_bare('said'), _STARS)} OR {_bare('said')} IN ({words}))"
    return let("said", _said(text), said)


def score_of(text: str) -> str:
    """SQL: the score that a text states in whatever form, as a number; NULL where it states none.

    >>> import duckdb
    >>> said = "SELECT list_transform(['0 – not at all', '4/5', '★★★☆☆', 'very good', '7', 'nobody'], lambda t: {0})"
    >>> duckdb.sql(said.format(score_of("t"))).fetchone()[0]
    [0.0, 4.0, 3.0, 5.0, 7.0, None]
    """
    return let("said", _said(text), f"try_cast({cases(_numbers('said', _FORMS))} AS DOUBLE)")


def are_scores(cell: Cell, habits: Habits, counts: Mapping[str, int]) -> bool:
    """Whether the filled cells of a column are scores in one of their forms, and not all of them plain numbers.

    Of answers a few may be something else, which then cannot be read; a column of other numbers must be scores only.
    """
    found = _in_words(counts)
    if not found or cell.unit == "money" or not habits.mends("scores") or counts.get("maxima", 0) > 1:
        return False
    read = found + counts["without words"]
    return read >= _MOST * counts["written"] if is_answer(cell) else read == counts["written"]


_MOST = 0.8
_FORMS = ("with words", "words first", "words behind", "of a maximum", "stars", "as words", "beside pictures")


def _in_words(counts: Mapping[str, int]) -> int:
    return sum(counts.get(form, 0) for form in _FORMS)


def plan(cell: Cell, counts: Mapping[str, int], around: Surface) -> Plan:
    """How a column of scores is read."""
    text = _said(around.text) if is_answer(cell) else around.text
    *numbers, plain = _numbers(text, [form for form in _FORMS if counts.get(form)])
    if counts.get("beside pictures"):
        numbers.append((f"{text} <> {around.text} AND {plain[0]}", plain[1]))
    changed = " OR ".join(f"coalesce({when}, false)" for when, _ in numbers)
    value = f"try_cast({cases([*numbers, plain])} AS DOUBLE)"
    if cell.kind == "whole":
        value = f"CASE WHEN {value} = trunc({value}) THEN try_cast({value} AS BIGINT) END"
    said = [cell.decision("scores", n=_in_words(counts) - counts.get("as words", 0), all=counts["written"])]
    if counts.get("as words"):
        meant_said = cell.decision("words_of_scores", n=counts["as words"], all=counts["written"])
        said = [*(said if _in_words(counts) > counts["as words"] else []), meant_said]
    return Plan(value, around.filled, (*around.mendings, ("scores", f"({changed})")), tuple(said))


def _numbers(text: str, forms: Collection[str]) -> list[tuple[str, str]]:
    """For each of some forms, and last for plain numbers: SQL of whether a text has it, and of its number as text."""
    shapes = (("with words", _AFTER), ("words first", _BEFORE), ("of a maximum", _MAXIMUM), ("words behind", _BEHIND))
    numbers = [(matches(text, shape), _number(text, shape)) for form, shape in shapes if form in forms]
    if "stars" in forms:
        bright = f"regexp_replace({_bare(text)}, '[^★⭐🌟]', '', 'g')"
        numbers.append((matches(_bare(text), _STARS), f"CAST(length({bright}) AS VARCHAR)"))
    if "as words" in forms:
        meant = [(f"b = {literal(word)}", literal(score)) for word, score in _meanings().items()]
        words = f"{_bare(text)} IN ({', '.join(map(literal, _meanings()))})"
        numbers.append((words, let("b", _bare(text), cases(meant))))
    return [*numbers, (matches(text, _PLAIN), f"replace({text}, ',', '.')")]


def _number(text: str, shape: str) -> str:
    """SQL of the number in a text of this shape: the first of its groups that is filled."""
    groups = range(1, 3 if "|^" in shape else 2)
    found = ", ".join(f"nullif(regexp_extract({text}, {literal(shape)}, {group}), '')" for group in groups)
    return f"replace(coalesce({found}), ',', '.')"


def _said(text: str) -> str:
    """SQL of a text without its pictures, where anything else is left of it: ``★★★★☆ (4)``, ``😀 good``."""
    return f"coalesce(nullif(trim(regexp_replace({text}, {literal(_PICTURES)}, ' ', 'g')), ''), {text})"


def _bare(text: str) -> str:
    """SQL of a text in small letters, without the mark that makes a sign a picture."""
    return f"lower(regexp_replace(trim({text}), '{_JOINER}', '', 'g'))"


@functools.cache
def _meanings() -> dict[str, str]:
    """Words and faces with their place on the scale."""
    loaded = yaml.load((Path(__file__).parent / "scores.yaml").read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    return {word.lower(): score for score, listed in loaded.items() for word in listed}
