"""Consent under a heading that says the opposite: a yes under "Email Opt Out" is a no, and must be turned round."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from crmlib.contract import Table
from crmlib.engine import literal
from crmlib.intake.reasons import words
from crmlib.intake.repairs.flags import BARE_FALSE, BARE_TRUE, CONSENT, CROSSES, TICKS, says_no
from crmlib.intake.shape import as_text, fillings_of, mapped_sql, present
from crmlib.intake.source import Source
from crmlib.mapping import TableSource
from crmlib.problems import Problem

_MOST_WORDS = 20


def turned(values: Sequence[str]) -> dict[str, str]:
    """What the words under such a heading mean for consent; words that tell it themselves (subscribed) are left out.

    >>> turned(["Yes", "No", "unsubscribed"]), turned(["x", ""]), turned(["√", "x"])
    ({'Yes': 'no', 'No': 'yes'}, {'x': 'no'}, {'√': 'no', 'x': 'yes'})
    """
    ticked = any(value.casefold() in TICKS for value in values)
    no = BARE_TRUE if ticked else (*BARE_TRUE, *CROSSES)
    yes = (*BARE_FALSE, *CROSSES) if ticked else BARE_FALSE
    return {v: "no" if v.casefold() in no else "yes" for v in values if v.casefold() in (*no, *yes)}


def unturned(connection: Any, table: Table, wanted: TableSource, source: Source, place: str) -> list[Problem]:
    """The columns of consent that a heading of the opposite fills while ``values`` do not turn all of its words."""
    problems = []
    for column, filling in fillings_of(table, wanted, list(source.types)).items():
        for heading in present(filling, source) if column.startswith(CONSENT) else ():
            if not says_no(heading):
                continue
            text = as_text(source.names[heading], source.types[heading])
            known = wanted.values.get(column, {})
            left = f"trim({text})"
            if known:
                # What values say of a word is marked, so that what they leave as it is can be told.
                told = dict.fromkeys((old for old in known if old), "\1")
                left = f"nullif({mapped_sql(left, told)}, {literal(chr(1))})" if told else left
            bare = ", ".join(map(literal, (*BARE_TRUE, *BARE_FALSE, *CROSSES)))
            found = connection.execute(
                f"SELECT word FROM (SELECT DISTINCT {left} AS word FROM ({source.sql})) WHERE lower(word) IN ({bare}) "
                f"ORDER BY 1 LIMIT {_MOST_WORDS}"
            ).fetchall()
            if found:
                example = ", ".join(f"{json.dumps(old, ensure_ascii=False)}: \"{new}\""
                                    for old, new in turned([word for (word,) in found]).items())  # fmt: skip
                said = {"heading": heading, "column": column, "place": place, "example": example}
                problems.append(Problem.said(words, "consent_turned", source.file, **said))
    return problems
