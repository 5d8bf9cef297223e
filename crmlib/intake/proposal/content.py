"""What a column's content looks like, whatever its heading says: dates, money, ids, flags, people."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from crmlib.engine import literal
from crmlib.intake.questions import MASKED, MASKED_SHARE
from crmlib.intake.repairs.cells import matches
from crmlib.intake.repairs.flags import CROSSES, NO_TICKS, STRICT_FALSE, STRICT_TRUE, TICKS
from crmlib.intake.repairs.numbers import CURRENCY
from crmlib.intake.repairs.scores import answered, score_of
from crmlib.intake.shape import as_text
from crmlib.intake.source import ROW, Source

MOST_ROWS = 600_000
MOST_VALUES = 100_000
MOST_COLUMNS = 300
MOST_SCORES = 300
_BLANK = "^([-—–]+|[?？]+|/|null|none|nan|n/a|na|未知|无|空|暂无)$"
_CURRENCY = "US\\$|HK\\$|RMB|CNY|USD|EUR|GBP|[$€£¥￥₹元]"
_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_TIME_AFTER = "([ T,].*)?$"
_MARK = f"(?i:{CURRENCY})"
_AMOUNT = f"({_MARK})?\\s*[-+]?(\\d[\\d,. \\x{{a0}}\\x{{202f}}’']*|\\.\\d+)(e[-+]?\\d+)?\\s*({_MARK}|万|亿|件|个|%)?"
PATTERNS = {
    "dates": f"^\\d{{4}}[-/.年]\\d{{1,2}}[-/.月]\\d{{1,2}}日?{_TIME_AFTER}"
    f"|^\\d{{1,2}} ?[-/.] ?\\d{{1,2}} ?[-/.] ?\\d{{2,4}}{_TIME_AFTER}"
    f"|^(\\d{{1,2}}[ -])?(?i:{_MONTHS})[a-z]*[ .,-]+\\d.*(\\d|(?i:[ap]\\.?m\\.?))$",
    "stamps": "^(1\\d{9}|1\\d{12})(\\.0+)?$|^(19|20)\\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\\d|3[01])(\\d{6})?$",
    "months": "^(19|20)\\d{2}(0[1-9]|1[0-2])(\\.0+)?$|^(19|20)\\d{2} ?[-/.年] ?(0?[1-9]|1[0-2])月?$"
    f"|^(0?[1-9]|1[0-2])[-/.](19|20)\\d{{2}}$|^(?i:{_MONTHS})[a-z]*[ .,/-]*(19|20)\\d{{2}}$",
    "numbers": f"^[-+(]?\\s*{_AMOUNT}\\s*\\)?/?-?$",
    "serials": "^[2-5]\\d{4}(\\.\\d+)?$",
    "wholes": "^[-+]?\\d+(\\.0+)?$",
    "fractions": "\\d[.,]\\d{1,4}\\D*$",
    "emails": "^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$",
    "masked": MASKED,
    "phones": "^(\\+?86[- ]?)?1[3-9]\\d[\\d*]{4}\\d{4}$|^(\\+|00)\\d[\\d ()/-]{6,18}$"
    "|^\\(?0\\d{2,4}\\)?[ -/]\\d[\\d -]{5,10}$",
    "minuses": f"^({_CURRENCY})?\\s*[-−]\\s*({_CURRENCY})?\\s*[\\d.]|\\d\\s*[-−]$|^\\(.*\\d.*\\)$",
    "with_digit": "\\d",
    "with_cjk": "[㐀-鿿]",
    "with_currency": f"({_CURRENCY})",
    "sentences": "\\S+\\s+\\S+\\s+\\S+\\s+\\S+|[㐀-鿿，。！？]{12,}",
    "latin_people": "^[A-Z][a-zà-ÿ'’-]+ ([A-Z]\\.? )?[A-Z][a-zà-ÿ'’-]+$",
    "day_first": "^(1[3-9]|2\\d|3[01])[-/.]\\d{1,2}[-/.]\\d{2,4}\\b",
    "month_first": "^\\d{1,2}[-/.](1[3-9]|2\\d|3[01])[-/.]\\d{2,4}\\b",
    "day_or_month": "^\\d{1,2}[-/.]\\d{1,2}[-/.]\\d{2,4}\\b",
}


_BY_WORDS = ("flags", "states", "chinese_people", "answers")


@dataclass(frozen=True)
class Looks:
    """What stands under one heading: how many values look like what, how many are different.

    Counts are of the rows looked at; ``filled`` leaves out empty cells and words like ``NA``. ``low`` and ``high`` are
    of values that are plain numbers. ``scores`` are the scores that the values state in whatever form, each with its
    count, where most of the values are answers on a scale.
    """

    heading: str
    cell: str
    type: str
    rows: int
    filled: int
    distinct: int
    counts: dict[str, int]
    low: float | None = None
    high: float | None = None
    negative: int = 0
    longest: int = 0
    scores: Mapping[float, int] = field(default_factory=dict)

    @property
    def ends(self) -> tuple[float, float] | None:
        """The lowest and the highest of the scores, else of the plain numbers; None where there are neither."""
        if self.scores:
            return min(self.scores), max(self.scores)
        return None if self.low is None or self.high is None else (self.low, self.high)

    @property
    def nested(self) -> bool:
        """Whether a cell holds a list or a record rather than a value."""
        return self.type.endswith("]") or self.type.startswith(("STRUCT", "MAP", "UNION", "INTERVAL", "BLOB"))

    def share(self, *kinds: str) -> float:
        """Which share of the filled cells looks like one of these kinds."""
        return sum(self.counts[kind] for kind in kinds) / self.filled if self.filled else 0.0

    @property
    def unique(self) -> float:
        """Different values over filled cells: 1 where no value repeats."""
        return self.distinct / self.filled if self.filled else 0.0

    @property
    def masked(self) -> bool:
        """Whether the values are masked (``138****1234``): they neither tell people apart nor can be called."""
        return self.share("masked") > MASKED_SHARE

    @property
    def person(self) -> bool:
        """Whether the values tell who somebody is: e-mail addresses, phone numbers, people's names."""
        return self.share("emails") > 0.3 or self.share("phones") > 0.3 or self.named > 0.5

    @property
    def named(self) -> float:
        """Which share looks like people's names; few different values are shops or cities rather than people."""
        return max(self.share("chinese_people"), self.share("latin_people")) if self.distinct > 3 else 0.0


def look_at(connection: Any, source: Source) -> dict[str, Looks]:
    """What stands under each of the first 300 headings of a source; the first 600,000 rows are looked at.

    Every different value is looked at once, at most 100,000 of a column.
    """
    looked_at = list(source.types)[:MOST_COLUMNS]
    # A table of these columns only: over a wide file every query would have to unfold all columns again.
    cells = "".join(f"{source.names[heading]}, " for heading in looked_at)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE _looked_at AS SELECT {cells}{ROW} FROM ({source.sql}) LIMIT {MOST_ROWS}"
    )
    rows = connection.execute("SELECT count(*) FROM _looked_at").fetchone()[0]
    connection.execute("CREATE OR REPLACE TEMP TABLE _values (heading VARCHAR, v VARCHAR, low VARCHAR, n BIGINT)")
    looks, gathered = {}, 0
    for heading in looked_at:
        looks[heading] = _gather(connection, source, heading, rows)
        gathered += min(looks[heading].distinct, MOST_VALUES)
        if gathered > MOST_VALUES:
            looks |= _counted(connection, looks)
            gathered = 0
    looks |= _counted(connection, looks)
    connection.execute("DROP TABLE _values")
    connection.execute("DROP TABLE _looked_at")
    return looks


def values_of(connection: Any, source: Source, heading: str, *, most: int) -> list[tuple[str, int]] | None:
    """The different values under a heading with their counts, most frequent first; None: more than ``most``."""
    text = _text(source, heading)
    found = connection.execute(
        f"SELECT v, count(*) FROM (SELECT {text} AS v FROM ({source.sql})) WHERE v <> '' "
        f"GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {most + 1}"
    ).fetchall()
    return found if len(found) <= most else None


def _text(source: Source, heading: str) -> str:
    return f"trim({as_text(source.names[heading], source.types[heading])})"


def _gather(connection: Any, source: Source, heading: str, rows: int) -> Looks:
    """How much stands under a heading; its different values are put beside those of other headings."""
    looks = Looks(
        heading, source.names[heading], source.types[heading], rows, 0, 0, dict.fromkeys((*PATTERNS, *_BY_WORDS), 0)
    )  # fmt: skip
    if looks.nested:
        return looks
    values = f"SELECT {_text(source, heading)} AS v, count(*) AS n FROM _looked_at GROUP BY 1"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE _of_one AS SELECT v, lower(v) AS low, n FROM ({values}) "
        f"WHERE v <> '' AND NOT {matches('lower(v)', _BLANK)}"
    )
    filled, distinct = connection.execute("SELECT coalesce(sum(n), 0), count(*) FROM _of_one").fetchone()
    connection.execute(f"INSERT INTO _values SELECT {literal(heading)}, * FROM _of_one LIMIT {MOST_VALUES}")
    connection.execute("DROP TABLE _of_one")
    return replace(looks, filled=int(filled), distinct=int(distinct))


def _counted(connection: Any, looks: Mapping[str, Looks]) -> dict[str, Looks]:
    """What the values that are gathered look like, by heading; then they are gone.

    They are asked together: to understand the question takes longer than to answer it.
    """
    tests = {name: matches("v", pattern) for name, pattern in PATTERNS.items()}
    words = ", ".join(
        map(literal, (*STRICT_TRUE, *STRICT_FALSE, *TICKS, *CROSSES, *NO_TICKS, "是", "否", "有", "无", "ja", "nein"))
    )
    tests["flags"] = f"low IN ({words})"
    tests["states"] = f"low IN ({', '.join(map(literal, _states()))})"
    tests["chinese_people"] = matches("v", f"^[{_surnames()}][㐀-鿿*]{{1,2}}$")
    tests["answers"] = answered("v")
    number = "try_cast(v AS DOUBLE)"
    counted = ", ".join(f"coalesce(sum(n) FILTER ({test}), 0)" for test in tests.values())
    answers = connection.execute(
        f"SELECT heading, {counted}, min({number}), max({number}), coalesce(sum(n) FILTER ({number} < 0), 0), "
        "max(length(v)), sum(n) FROM _values GROUP BY heading"
    ).fetchall()
    found = {}
    for heading, *counts, low, high, negative, longest, seen in answers:
        scale = looks[heading].filled / int(seen)
        found[heading] = replace(
            looks[heading],
            counts={name: round(int(count) * scale) for name, count in zip(tests, counts, strict=True)},
            low=low,
            high=high,
            negative=int(negative),
            longest=int(longest),
        )
    scored = [h for h, one in found.items() if one.distinct <= MOST_SCORES and one.share("answers") > 0.5]
    for heading, scores in _scores(connection, scored).items():
        found[heading] = replace(found[heading], scores=scores)
    connection.execute("DELETE FROM _values")
    return found


def _scores(connection: Any, headings: Sequence[str]) -> dict[str, dict[float, int]]:
    """The scores that the gathered values of these headings state, each with its count."""
    found: dict[str, dict[float, int]] = {}
    if headings:
        asked = connection.execute(
            f"SELECT heading, score, CAST(sum(n) AS BIGINT) FROM (SELECT heading, {score_of('v')} AS score, n "
            f"FROM _values WHERE heading IN ({', '.join(map(literal, headings))})) WHERE score IS NOT NULL "
            "GROUP BY 1, 2 ORDER BY 1, 2"
        )
        for heading, score, count in asked.fetchall():
            found.setdefault(heading, {})[score] = count
    return found


@functools.cache
def vocabulary() -> dict[str, Any]:
    """The words that values are told by: statuses, charges that are no products, currencies."""
    loaded: dict[str, Any] = yaml.load(
        (Path(__file__).parent / "vocabulary.yaml").read_text(encoding="utf-8"), Loader=yaml.BaseLoader
    )
    return loaded


@functools.cache
def _states() -> tuple[str, ...]:
    """Words for the state of an order or of an account, which are no places."""
    orders = [word for words in vocabulary()["orders.status"].values() for word in words]
    return tuple(dict.fromkeys(word.lower() for word in [*orders, *vocabulary()["states_of_accounts"]]))


def _surnames() -> str:
    return str(vocabulary()["surnames"])


def most_alike(shapes: Sequence[tuple[str, int]]) -> set[str]:
    """The most frequent shapes that together make up at least 95 % of the codes.

    >>> sorted(most_alike([("9", 90), ("9A", 8), ("A", 2)]))
    ['9', '9A']
    """
    whole, seen, kept = sum(count for _, count in shapes), 0, set()
    for shape, count in sorted(shapes, key=lambda one: -one[1]):
        if seen >= 0.95 * whole:
            break
        kept.add(shape)
        seen += count
    return kept
