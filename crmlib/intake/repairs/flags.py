"""True and false, in the words that systems write."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from crmlib.engine import literal
from crmlib.intake.repairs.blanks import surface
from crmlib.intake.repairs.cells import Cell, Habits, Lent, Plan, words
from crmlib.problems import Problem

STRICT_TRUE = ("true", "t", "yes", "y", "1", "1.0")
STRICT_FALSE = ("false", "f", "no", "n", "0", "0.0")
TICKS = ("✓", "✔", "√", "☑")
NO_TICKS = ("×", "✗", "✘", "✕", "✖", "☐")
CROSSES = ("x", "☒")
"""A cross ticks a box where nothing else does, and beside a tick it says no."""
FURTHER_TRUE = (
    "on", "checked", "selected", "enabled", "active", "accepted", "granted", "subscribed", "allowed", "ja", "si",
    "sí", "oui", "opted in", "opted-in", "opt in", "opt-in", "opted_in", "opt_in", "是", "是的", "对", "真", "有",
    "已", "开", "启用", "已启用", "同意", "已同意", "已订阅", "订阅", "允许", "接受", "已接受", "已授权",
)  # fmt: skip
FURTHER_FALSE = (
    "off", "unchecked", "disabled", "inactive", "declined", "denied", "unsubscribed", "not subscribed", "nein",
    "non", "opted out", "opted-out", "opt out", "opt-out", "opted_out", "opt_out", "否", "不是", "错", "假", "没有",
    "无", "未", "关", "停用", "未启用", "不同意", "未同意", "未订阅", "退订", "已退订", "不允许", "拒绝", "已拒绝",
    "未授权", "不", *NO_TICKS,
)  # fmt: skip


BARE_TRUE = (
    *STRICT_TRUE, *TICKS, "on", "checked", "selected", "enabled", "active", "ja", "si", "sí", "oui", "是", "是的", "对",
    "真", "有", "已", "开", "启用", "已启用",
)  # fmt: skip
BARE_FALSE = (
    *STRICT_FALSE, "off", "unchecked", "disabled", "inactive", "nein", "non", "否", "不是", "错", "假", "没有", "无",
    "未", "关", "停用", "未启用", "不", *NO_TICKS,
)  # fmt: skip
"""Answers that do not say what was asked; the others, such as "subscribed", mean the same under any heading."""
CONSENT = "consent_"
_OPPOSITE = re.compile(
    r"opt(ed)?[ _-]?(out|off)|\b(do(es)?[ _-]?not|don.?t|dnc|dnd|not?|never|without|exclude[ds]?|stop|suppress\w*"
    r"|refus\w*|declin\w*|revoked?|withdr\w*|denied|block\w*|black ?list\w*|object\w*|nicht|kein\w*|ohne|baja|pas)\b"
    r"|unsub|abmeld|abgemeldet|abbestell|widerruf|widerspr|werbesperre|gesperrt|d[ée]s(abonn|inscri)"
    r"|[不勿拒禁未]|退订|退訂|取消|免打扰|免打擾|黑名单|黑名單|屏蔽"
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def says_no(heading: str) -> bool:
    """Whether a yes under a heading of consent is a no.

    >>> [says_no(h) for h in ("Email Opt Out", "DoNotCall", "hs_email_optout", "退订", "短信勿扰", "Abmeldung")]
    [True, True, True, True, True, True]
    >>> [says_no(h) for h in ("Email Opt In", "Newsletter", "Notification consent", "同意短信", "WeChat consent")]
    [False, False, False, False, False]
    """
    plain = _CAMEL.sub(" ", unicodedata.normalize("NFKC", heading)).replace("_", " ").casefold()
    return _OPPOSITE.search(plain) is not None


def screen(cell: Cell, habits: Habits) -> dict[str, str]:
    """SQL conditions that tell whether a column of flags needs a closer look."""
    text = f"lower({cell.raw})"
    return {"dirty": f"{cell.raw} IS NOT NULL AND {text} NOT IN {_list((*STRICT_TRUE, *STRICT_FALSE))}"}


def is_as_written(cell: Cell) -> str:
    """SQL: whether a cell stands in a form that is read without mending, if it is a flag at all."""
    return f"lower({cell.raw}) IN {_list((*STRICT_TRUE, *STRICT_FALSE))}"


def as_written(cell: Cell) -> dict[str, str]:
    """SQL conditions counted over a column that is not mended."""
    return {"empty": f"{cell.raw} = ''"}


def layers(cell: Cell, habits: Habits, text: str) -> list[tuple[str, str]]:
    """What is worked out of the cleaned text before it is counted: the word in lower case."""
    return [("word", f"lower({text})")]


def evidence(cell: Cell, habits: Habits, names: Mapping[str, str]) -> dict[str, str]:
    """SQL conditions counted over the whole column."""
    word = names["word"]
    return {
        "further": f"{word} IN {_list((*TICKS, *CROSSES, *FURTHER_TRUE, *FURTHER_FALSE))}",
        "有": f"{word} = '有'",
        "ticks": f"{word} IN {_list(TICKS)}",
        "crosses": f"{word} IN {_list(CROSSES)}",
        "said no": f"{word} IN {_list((*STRICT_FALSE, *FURTHER_FALSE))}",
        "filled": f"{word} <> ''",
    }


def plan(cell: Cell, habits: Habits, counts: Mapping[str, int], lent: Lent, place: str) -> Plan:
    """How a column of flags is read."""
    around = surface(cell, habits, counts)
    word = f"lower({around.text})"
    true, false = list(STRICT_TRUE), list(STRICT_FALSE)
    mendings, decisions, problems = list(around.mendings), [], []
    ticks, crosses = counts.get("ticks", 0), counts.get("crosses", 0)
    marks = ticks or crosses
    filled = counts.get("filled", 0) - counts.get("blank", 0)
    if counts.get("further") and habits.mends("flags"):
        mendings.append(("flags", f"{word} IN {_list((*TICKS, *CROSSES, *FURTHER_TRUE, *FURTHER_FALSE))}"))
        true += [*TICKS, *FURTHER_TRUE]
        false += FURTHER_FALSE
        if ticks:
            false += CROSSES
        elif crosses == filled - counts["said no"]:
            true += CROSSES
        elif crosses:
            problems.append(Problem.said(words, "cross", place, cell.shown, n=crosses, others=filled - crosses,
                                         column=cell.name))  # fmt: skip
    if ticks and crosses:
        decisions.append(cell.decision("crosses", n=crosses, ticks=ticks))
    value = f"CASE WHEN {word} IN {_list(true)} THEN true WHEN {word} IN {_list(false)} THEN false END"
    if marks and marks == filled and habits.mends("flags"):
        value = f"CASE WHEN {around.filled} THEN {value} ELSE false END"
        decisions.append(cell.decision("ticks", n=marks))
    return Plan(value, around.filled, tuple(mendings), tuple(decisions), tuple(problems))


def typed(cell: Cell) -> Plan:
    """How a column is read that is no text: true and false, 1 and 0."""
    filled = f"{cell.raw} IS NOT NULL"
    if cell.type.upper() == "BOOLEAN":
        return Plan(cell.raw, filled)
    number = f"try_cast(CAST({cell.raw} AS VARCHAR) AS DOUBLE)"
    return Plan(f"CASE WHEN {number} = 1 THEN true WHEN {number} = 0 THEN false END", filled)


def _list(listed: tuple[str, ...] | list[str]) -> str:
    return f"({', '.join(map(literal, listed))})"
