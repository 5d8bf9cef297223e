"""The briefing: one page that a manager acts on, made of what the chapters of a run have found and shown."""

from __future__ import annotations

import datetime as dt
import functools
import re
from collections import Counter
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from crmlib.chapter.lists import reachable
from crmlib.files import write_whole
from crmlib.finding import Finding
from crmlib.report.brand import brand
from crmlib.report.changed import Snapshot, changed
from crmlib.report.collect import Section, section
from crmlib.report.decisions import decisions, matter_most, tell_first
from crmlib.report.page import currency_name, name_of, render, sentences_of, versions
from crmlib.report.story import story, tells_of_orders
from crmlib.run import ChapterRun, Run
from crmlib.words import Words, joined, listed

words = Words(__file__)

THEMES = {
    "back": ("retention", "segmentation", "churn", "growth"),
    "channels": ("acquisition", "clv.groups", "clv.by_group", "retention.groups", "segmentation.origin"),
    "value": (
        "clv", "retention.contracts", "churn.recurring", "churn.movements", "scorecard.counts_recurring_revenue",
        "scorecard.counts_active_contracts",
    ),
    "service": ("nps", "service", "journey", "churn.slow_complaints", "churn.complaints", "scorecard.counts_tickets"),
    "tests": ("experiments", "playbook"),
    "score": ("scorecard", "strategy"),
    "data": ("customer_data",),
}  # fmt: skip
"""The sections of the page, in order, and what each shows: whole chapters, or single findings and figures of one."""
OF_THE_DATA = "data"
"""What is said of the data themselves; it has no section of its own, and stands folded where we say how sure we are."""
OF_PERIODS = "score"
ON_PAGE_ONE = ("bridge", "year")
_TOLD_BY = {"bridge": "scorecard.revenue_change"}
"""The finding that a picture on page one tells already."""
_MOST_FIGURES, _MOST_TABLES = 2, 1
_NARROW = 4
"""Columns of a table that has room in half of the page."""
_HIGHEST = 600
"""How high a figure of a section may be, in CSS pixels."""
_LONGEST = {"en": 60, "zh": 120}
"""Words (Chinese: characters) of a section's text."""


@dataclass(frozen=True)
class CallList:
    """The customers of a finding: the ``file`` beside the page, how many they are, and how many may be contacted.

    ``reachable`` is None where no consent is recorded. ``shared``: with an earlier list of the page, how many customers
    are on both (``n``), and its decision (``number``) or, of a finding that is none, its ``customers``.
    """

    file: str
    customers: int
    reachable: int | None = None
    shared: tuple[dict[str, int], ...] = ()

    @property
    def notes(self) -> list[str]:
        """What is to be known before somebody works through the list, in words."""
        of = "all" if self.reachable == self.customers else "some"
        known = [] if self.reachable is None else [words.say(f"report.reachable.{of}", n=self.reachable)]
        kinds = ("report.shared_other", "report.shared_list")
        return known + [words.say(kinds["number" in other], other) for other in self.shared]


@dataclass(frozen=True)
class Decision:
    """A finding that asks for a decision, with its place on the page and its list of customers.

    ``is_headline``: the page's headline and lead tell it already.
    """

    finding: Finding
    number: int
    theme: str
    listed: CallList | None = None
    is_headline: bool = False


@dataclass
class Theme:
    """A section of the page: what it says, shows, and keeps folded."""

    key: str
    headline: str = ""
    text: str = ""
    said: list[Finding] = field(default_factory=list)
    figures: list[dict[str, Any]] = field(default_factory=list)
    tables: list[dict[str, Any]] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    folds: list[tuple[ChapterRun, list[dict[str, Any]], list[Finding]]] = field(default_factory=list)

    @property
    def beside(self) -> list[dict[str, Any]]:
        """The tables that stand beside a single figure: those that are narrow enough."""
        return [one for one in self.tables if len(self.figures) == 1 and len(one["headings"]) <= _NARROW]

    @property
    def of_periods(self) -> bool:
        """Whether it counts whole periods only, as page one does; other sections count to the last day of the data."""
        return self.key == OF_PERIODS

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show, open or folded."""
        return not (self.said or self.figures or self.tables or self.folds or self.decisions)


def write_briefing(run: Run, target: Path, *, before: Snapshot | None = None) -> dict[str, Any]:
    """Write the briefing of a finished run to ``target``, whole or not at all; answer what it says.

    ``before``: the earlier briefing with which it is compared.
    """
    content = content_of(run, before=before)
    write_whole(target, render("briefing.html.j2", **content))
    return content


def content_of(run: Run, *, before: Snapshot | None = None) -> dict[str, Any]:
    """What the page says, in the order in which it says it."""
    shown = {
        chapter.file.name[3:]: section(chapter.notebook)
        for chapter in run.chapters
        if chapter.status == "done" and chapter.notebook
    }
    account = run.workspace.account
    concluded = [one for found in shown.values() for one in found.findings]
    bridge = _table(run, "13_bridge")
    begins = story(bridge, concluded, account, margin_is_set=run.client.knows_margin(account))
    spoken = [one for one in concluded if not (begins.is_young and tells_of_orders(one))]
    made = decisions(matter_most(spoken), contact_cost=run.client.contact_cost)
    placed = functools.partial(theme_of, channels=_has_channels(account))
    lists = _call_lists(run, made, concluded)
    numbered = [
        Decision(one, number, placed(one.chapter, one.key), lists.get(one.key), one == begins.told)
        for number, one in enumerate(made, 1)
    ]
    quiet = {one.key for one in concluded if one not in spoken} | ({begins.told.key} if begins.told else set())
    exhibits = {exhibit["name"]: exhibit for found in shown.values() for exhibit in found.exhibits}
    pictured = None if begins.told or begins.is_young else exhibits.get("bridge")
    quiet |= {_TOLD_BY["bridge"]} if pictured else set()
    themes = [_theme(key, run, shown, numbered, quiet, placed) for key in THEMES]
    _drop_shown_again(themes)
    begins = replace(begins, is_empty=all(theme.is_empty or _is_of_the_data(theme) for theme in themes))
    tiles = [] if begins.is_few else exhibits.get("year", {}).get("tiles", [])
    return {
        "client": name_of(run.client.name),
        "language": "zh-Hans" if run.language == "zh" else "en",
        **{name: dt.date.fromisoformat(account[name]) for name in ("as_of", "first_day", "last_day")},
        "year_ends": _other_end(_table(run, "13_year"), account) if tiles or pictured else None,
        "currency": run.client.currency,
        "money_in": currency_name(run.client.currency),
        "story": begins,
        "bridge": pictured,
        "revenue": bridge,
        "tiles": tiles,
        "before": before,
        "changed": changed(
            before, numbered, tiles, chapters=shown, language=run.language,
            actions=run.workspace.table("actions") if run.workspace.has("actions") else None,
        ),
        "brand": brand(run.client),
        "decisions": numbered,
        "lists": lists,
        "themes": [theme for theme in themes if theme.key != OF_THE_DATA and not theme.is_empty],
        "data": next(theme for theme in themes if theme.key == OF_THE_DATA),
        "shared": _shared(themes),
        "sure": [name for name in ("counted", "tested", "estimated", "hint") if any(f.sure == name for f in concluded)],
        "rows": _rows(account),
        "failed": [chapter for chapter in run.chapters if chapter.status == "failed"],
        "unanswered": _unanswered(run, shown),
        "definitions": _definitions(run, shown),
        "versions": versions(),
        "owner": lambda role: run.client.owners.get(role) or words.name("owners", role),
    }  # fmt: skip


def theme_of(chapter: str, key: str, *, channels: bool = True) -> str:
    """The section that shows a finding or an exhibit (``key``: ``clv.by_group``) of a chapter.

    ``channels``: whether the data know of any; without, what compares groups stands with the rest of its chapter.

    >>> theme_of("clv", "clv.equity"), theme_of("clv", "clv.by_group"), theme_of("new_chapter", "new_chapter.a")
    ('value', 'channels', 'data')
    >>> theme_of("clv", "clv.by_group", channels=False)
    'value'
    """
    for name in (key, chapter):
        for theme, shown in THEMES.items():
            if name in shown and (channels or theme != "channels"):
                return theme
    return OF_THE_DATA


def _is_of_the_data(theme: Theme) -> bool:
    """Whether a section tells no more than the state of the data."""
    return theme.key == OF_THE_DATA and {chapter.file.name[3:] for chapter, _, _ in theme.folds} <= {"customer_data"}


def _has_channels(account: dict[str, Any]) -> bool:
    return any("channel" in table["columns"] for table in account["tables"].values())


def _theme(
    key: str,
    run: Run,
    shown: dict[str, Section],
    numbered: Sequence[Decision],
    quiet: Container[str],
    placed: Callable[[str, str], str],
) -> Theme:
    """A section: ``quiet`` are the findings that are not said in the open, ``placed`` the section of each."""
    theme = Theme(key, decisions=[one for one in numbered if one.theme == key])
    decided = {one.finding.key for one in theme.decisions}
    own: list[tuple[ChapterRun, list[dict[str, Any]], list[Finding]]] = []
    for chapter in run.chapters:
        name = chapter.file.name[3:]
        if name not in shown:
            continue
        parts = [
            one
            for one in shown[name].exhibits
            if one["kind"] in ("figure", "table", "scorecard")
            and one["name"] not in ON_PAGE_ONE
            and placed(name, f"{name}.{one['name']}") == key
        ]
        found = [one for one in shown[name].findings if placed(name, one.key) == key]
        own.append((chapter, parts, found))
    if key != OF_THE_DATA:
        open_parts = [one for _, parts, _ in own for one in parts if one["place"] == "section"]
        theme.figures = [one for one in open_parts if one["kind"] == "figure" and _is_short(one)][:_MOST_FIGURES]
        theme.tables = [one for one in open_parts if one["kind"] != "figure"][:_MOST_TABLES]
        news = [one for _, _, found in own for one in found if one.key not in decided and one.key not in quiet]
        theme.said, theme.text = _said(tell_first(news), run.language)
        theme.headline = theme.said[0].headline if theme.said else ""
    told = {one.key for one in theme.said} | decided
    opened = {id(one) for one in (*theme.figures, *theme.tables)}
    for chapter, parts, found in own:
        rest = [one for one in parts if id(one) not in opened]
        others = [one for one in found if one.key not in told]
        if rest or others:
            theme.folds.append((chapter, rest, others))
    return theme


def _drop_shown_again(themes: Sequence[Theme]) -> None:
    """Leave what several chapters show alike, such as who counts as new, in the first fold that shows it."""
    seen: list[Any] = []
    for theme in themes:
        for place, (chapter, parts, found) in enumerate(theme.folds):
            kept = [one for one in parts if (one["title"], one["reading"], one.get("rows")) not in seen]
            seen += [(one["title"], one["reading"], one.get("rows")) for one in kept if one["kind"] != "figure"]
            theme.folds[place] = (chapter, kept, found)
        theme.folds[:] = [fold for fold in theme.folds if fold[1] or fold[2]]


def _shared(themes: Sequence[Theme]) -> list[str]:
    """The sentences that several findings or readings are told with; they are said once, beside how sure we are."""
    told: list[str] = []
    for theme in themes:
        folded = [one for _, _, found in theme.folds for one in found]
        told += [one.certainty for one in (*theme.said, *(decided.finding for decided in theme.decisions), *folded)]
        shown = [one for _, parts, _ in theme.folds for one in parts]
        told += [one["reading"] for one in (*theme.figures, *theme.tables, *shown)]
    times = Counter(said for one in told for said in dict.fromkeys(sentences_of(one)) if said)
    return [said for said, n in times.items() if n > 1]


def _said(news: Sequence[Finding], language: str) -> tuple[list[Finding], str]:
    """The one or two findings that a section says in the open, and its text: as many as it has room for."""
    if not news:
        return [], ""
    first, text = news[0], [news[0].evidence]
    for second in news[1:]:
        longer = [*text, _whole(second.headline), second.evidence]
        if sum(len(part.split() if language == "en" else part) for part in longer) <= _LONGEST[language]:
            return [first, second], joined([part for part in longer if part])
    return [first], first.evidence


def _whole(headline: str) -> str:
    """A headline as a sentence among others."""
    stop = words.say("report.stop")
    return headline if headline.endswith(stop) else headline + stop


def _unanswered(run: Run, shown: Mapping[str, Section]) -> list[str]:
    """What the data could not answer, or not in full, what is missing for it, and what could not be shown and why."""
    account = run.workspace.account["tables"]
    lines = []
    for chapter in run.chapters:
        if chapter.status == "left out":
            told = words.names("lacking")
            ways = ([_lacking(name, told) for name in way] for way in chapter.file.missing(account))
            missing = list(dict.fromkeys(listed(list(dict.fromkeys(way))) for way in ways))
            lines.append(words.say("report.left_out", title=chapter.file.title, missing=missing))
        elif chapter.status == "done" and chapter.thinner:
            missing = [_lacking(name, ()) for name in chapter.thinner]
            lines.append(words.say("report.thinner", title=chapter.file.title, missing=list(dict.fromkeys(missing))))
        for one in shown[chapter.file.name[3:]].exhibits if chapter.status == "done" else ():
            if one["kind"] == "nothing" and one["place"] != "notebook":
                lines.append(words.say("report.not_shown", one, chapter=chapter.file.title))
    return list(dict.fromkeys(lines))


def _lacking(name: str, told: Container[str]) -> str:
    """A table or a column (``orders.store``) that is missing, in words."""
    if name in told:
        return words.name("lacking", name)
    table, _, column = name.partition(".")
    in_words = words.name("tables", table)
    in_words = in_words[:1].lower() + in_words[1:]
    return words.say("report.columns_of", table=in_words) if column else in_words


def _is_short(figure: Mapping[str, Any]) -> bool:
    """Whether a figure can stand open: one with a row for each of many shops is for those who unfold it.

    >>> _is_short({"svg": '<svg width="768" height="403">'}), _is_short({"svg": '<svg width="768" height="998">'})
    (True, False)
    """
    height = re.search(r' height="(\d+)"', figure.get("narrow") or figure["svg"])
    return height is None or int(height[1]) <= _HIGHEST


def _call_lists(run: Run, made: Sequence[Finding], concluded: Sequence[Finding]) -> dict[str, CallList]:
    """The lists that go with findings, by the findings' keys: those of decisions first, then all others."""
    import pandas as pd

    answer: dict[str, CallList] = {}
    seen: list[tuple[set[str], dict[str, int]]] = []
    # A chapter of the client's own may call itself by its whole name.
    named = {
        name: chapter.file.name[:2] for chapter in run.chapters for name in (chapter.file.name, chapter.file.name[3:])
    }
    for number, one in enumerate([*made, *(one for one in concluded if one not in made)], 1):
        file = run.folder / "lists" / f"{named[one.chapter]}_{one.key.partition('.')[2]}.csv"
        if not one.listed or not file.is_file():
            continue
        kept = pd.read_csv(file, usecols=["customer_id", "contact"], dtype=str, keep_default_na=False)
        people = set(kept["customer_id"])
        both = [(len(people & others), of) for others, of in seen]
        answer[one.key] = CallList(
            f"lists/{file.stem}.xlsx",
            len(kept),
            reachable(kept["contact"]),
            tuple({"n": n, **of} for n, of in both if n),
        )
        seen.append((people, {"number": number} if number <= len(made) else {"customers": len(kept)}))
    return answer


def _table(run: Run, name: str) -> Any:
    """A table that a chapter has kept, days as days; None where there is none."""
    import pandas as pd

    file = run.folder / "tables" / f"{name}.csv"
    if not file.is_file():
        return None
    table = pd.read_csv(file)
    for column in ("starts", "changes", "ends", "data_begin"):
        if column in table:
            table[column] = [dt.date.fromisoformat(day) for day in table[column]]
    return table


def _other_end(years: Any, account: Mapping[str, Any]) -> dt.date | None:
    """The day on which the numbers of the year end, where the last period is not over when the data end."""
    end = None if years is None or years.empty else years["ends"].iloc[0]
    return end if end != dt.date.fromisoformat(account["as_of"]) else None


def _rows(account: dict[str, Any]) -> dict[str, int]:
    """How many rows were read, and what became of them."""
    counts = dict.fromkeys(("read", "accepted", "repaired", "quarantined"), 0)
    for table in account["tables"].values():
        for name in counts:
            counts[name] += table[name]
    return counts


def _definitions(run: Run, shown: dict[str, Section]) -> list[tuple[str, list[tuple[str, str]]]]:
    """The terms of each chapter and what they mean; each term once."""
    told: set[str] = set()
    answer = []
    for chapter in run.chapters:
        found = shown.get(chapter.file.name[3:])
        if found is None:
            continue
        terms = [(term, about) for term, about in [*chapter.file.glossary, *found.definitions] if term not in told]
        told |= {term for term, _ in terms}
        if terms:
            answer.append((chapter.file.title, terms))
    return answer
