"""What a chapter's notebook holds in its hand: the client, the tables, and where its figures and findings go."""

from __future__ import annotations

import datetime as dt
import functools
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from crmlib.chapter.start import start_told
from crmlib.client import Client, load_client
from crmlib.exhibits import Exhibit, in_digits_that_hold
from crmlib.files import replacing
from crmlib.finding import Finding
from crmlib.intake import Workspace, open_workspace, take_in
from crmlib.models.kept import keep_fits_in
from crmlib.newcomers import Start, earlier_customers
from crmlib.words import Words, use

_WORDS = Words(__file__)

MOST_IN_HAND = 50_000
"""So many customers are taken into pandas, whole, for what a chapter does by hand."""
RUN = "run.json"
"""In the folder of a run's chapter: where the run's workspace and engine are, and the language it speaks."""


class Chapter:
    """One chapter on one client's data. Made by :func:`begin`."""

    def __init__(self, name: str, client: Client, workspace: Workspace, output: Path | None) -> None:
        self.name = name
        self.client = client
        self._workspace = workspace
        self._output = output

    @property
    def as_of(self) -> dt.date:
        """The day at whose end the data are looked at."""
        return self._workspace.as_of

    @property
    def account(self) -> Mapping[str, Any]:
        """What intake says of all that it read: rows, sums, repairs and decisions by table, quality, coverage."""
        return self._workspace.account

    def table(self, name: str) -> Any:
        """A contract table as an Ibis table; times are the client's wall clock, nothing is later than ``as_of``.

        A table that the client does not have is empty, with the contract's columns.
        """
        return self._workspace.table(name)

    def has(self, table: str, *columns: str) -> bool:
        """Whether the client has this table and something in each of these columns."""
        return self._workspace.has(table, *columns)

    @functools.cached_property
    def start(self) -> Start:
        """Since when a first purchase in the data is called a first purchase (see :mod:`crmlib.newcomers`)."""
        return Start.of(self.account.get("customers_start") or Start("none").kept())

    @property
    def earlier(self) -> Any:
        """The customers who may be older than the data, so that nobody calls them new: ``customer_id``."""
        tables = {name: self.table(name) for name in ("orders", "customers")}
        return earlier_customers(**tables, start=self.start, as_of=self.as_of)

    def in_hand(self, table: Any) -> Any:
        """The rows of a table with ``customer_id`` on which something is done by hand, in pandas.

        These are all; or, of very many customers, those of every so many-th buyer, the same each time. A line then says
        so.
        """
        return table if self._part is None else table.semi_join(self._part, "customer_id")

    @functools.cached_property
    def _part(self) -> Any:
        """The customers who are taken in hand; None: everybody is."""
        from IPython.display import Markdown, display

        from crmlib.purchases import every_so_many

        buyers, part = every_so_many(self.table("orders"), as_of=self.as_of, most=MOST_IN_HAND)
        if part is not None:
            display(Markdown(_WORDS.say("in_hand", buyers=buyers, most=MOST_IN_HAND)))
        return part

    def start_told(self) -> Exhibit:
        """How many customers are not called new, because they may be older than the data, and how that is known."""
        return start_told(self.start)

    def show(self, exhibit: Exhibit) -> Exhibit:
        """Show what a figure or table function answers: title above, reading below; its table is kept as CSV."""
        if exhibit.table is not None and exhibit.in_report:
            self.keep(exhibit.table, name=exhibit.name)
        return replace(exhibit, reports=self._output is not None)

    def keep(self, table: Any, *, name: str) -> None:
        """Write a measure's table to ``tables/NN_name.csv`` of the run; outside of a run, nothing; nor an empty table.

        Numbers are written in digits that hold on any machine (:func:`crmlib.exhibits.in_digits_that_hold`). Text that
        a spreadsheet would take for a formula gets an apostrophe before it.
        """
        self._write(table, "tables", name)

    def _write(self, table: Any, kind: str, name: str) -> None:
        if self._output is None:
            return
        from crmlib.engine import to_pandas

        frame = to_pandas(table)
        if frame.empty:
            return
        folder = self._output / kind
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{self.name[:2]}_{name}.csv"
        with replacing(file) as staged:
            _without_formulas(frame).to_csv(staged, index=False, float_format=in_digits_that_hold, lineterminator="\n")

    def conclude(self, *findings: Finding | None) -> None:
        """Display findings, those with most money first; the report takes them over.

        The customers whom a finding concerns are written to ``lists/NN_name.csv`` of the run.
        """
        from IPython.display import display

        made = [finding for finding in findings if finding is not None]
        for finding in sorted(made, key=lambda f: -abs(f.money or 0.0)):
            display(finding)
            if finding.customers is not None and self._output is not None:
                self._write(self._call_list(finding.customers), "lists", finding.key.partition(".")[2])

    def _call_list(self, people: Any) -> Any:
        from crmlib.chapter.lists import call_list

        tables = {name: self.table(name) for name in ("orders", "customers")}
        return call_list(people, **tables, as_of=self.as_of)


def begin(name: str, client: str | Path, run: str | Path = "", *, language: str = "") -> Chapter:
    """Open a chapter on a client's data.

    Args:
        name: the chapter's file name without suffix, ``03_segmentation``.
        client: path of the client's YAML.
        run: folder that the runner has made for the chapter; its ``run.json`` names the workspace, which is opened and
            never made again. Empty: the tables are taken in once, into ``.crmlib`` beside the YAML.
        language: ``en`` or ``zh``; empty: the run's, else the client's.

    Raises:
        UnusableInput: the configuration or the data cannot be used.
    """
    opened = load_client(client)
    settings = json.loads((Path(run) / RUN).read_text(encoding="utf-8")) if run else {}
    speaks = language or settings.get("language") or opened.language
    use(speaks, opened.currency)
    own = opened.folder / ".crmlib" / "workspaces" / opened.path.stem
    if run:
        workspace = open_workspace(opened, Path(settings["workspace"]), engine=settings.get("engine", ""))
    else:
        workspace = take_in(opened, own)
    keep_fits_in(workspace.made)
    use(speaks, opened.currency, margin=opened.knows_margin(workspace.kept))
    return Chapter(name, opened, workspace, Path(run) if run else None)


def _without_formulas(frame: Any) -> Any:
    from pandas.api.types import is_numeric_dtype

    def as_text(cell: Any) -> Any:
        return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell

    texts = {c: frame[c].map(as_text) for c in frame.columns if not is_numeric_dtype(frame[c])}
    return frame.assign(**texts)
