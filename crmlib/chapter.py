"""What a chapter's notebook holds in its hand: the client, the tables, and where its figures and findings go."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crmlib import figures, text
from crmlib.client import Client, load_client
from crmlib.finding import Finding
from crmlib.intake import Workspace, take_in


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
        """A contract table as an Ibis table; times are the client's wall clock, nothing is later than ``as_of``."""
        return self._workspace.table(name)

    def has(self, table: str, *columns: str) -> bool:
        """Whether the client has this table and something in each of these columns."""
        return self._workspace.has(table, *columns)

    def show(self, axes: Any, *, name: str, table: Any = None) -> figures.Exhibit:
        """Show a figure that carries a caption; the measure behind it is kept as ``tables/…csv``."""
        if table is not None:
            self.keep(table, name=name)
        return figures.figure_exhibit(axes, name=name)

    def draw(self, axes: Any) -> figures.Drawing:
        """Show a figure to who reads the notebook; the report leaves it out."""
        return figures.drawing(axes)

    def show_table(
        self, table: Any, *, name: str, title: str, reading: str = "", labels: Mapping[str, str] | None = None
    ) -> figures.Exhibit:
        """Show a small table (at most some twenty rows) in words, and keep it as ``tables/…csv``."""
        self.keep(table, name=name)
        return figures.table_exhibit(table, name=name, title=title, reading=reading, labels=labels)

    def keep(self, table: Any, *, name: str) -> None:
        """Write a measure's table to ``tables/NN_name.csv`` of the run; outside of a run nothing is written.

        Numbers are written with ten significant digits: beyond these, the order of summation shows. Text that a
        spreadsheet would take for a formula gets an apostrophe before it.
        """
        if self._output is None:
            return
        from crmlib.engine import to_pandas

        folder = self._output / "tables"
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{self.name[:2]}_{name}.csv"
        staged = file.with_suffix(".tmp")
        _without_formulas(to_pandas(table)).to_csv(staged, index=False, float_format="%.10g", lineterminator="\n")
        os.replace(staged, file)

    def conclude(self, *findings: Finding | None) -> None:
        """Display the chapter's findings, in the order of money at stake; the report takes them over."""
        from IPython.display import display

        made = [finding for finding in findings if finding is not None]
        for finding in sorted(made, key=lambda f: -abs(f.money or 0.0)):
            display(finding)


def begin(name: str, *, client: str | Path, workspace: str = "", output: str = "", language: str = "") -> Chapter:
    """Open a chapter on a client's data.

    Args:
        name: the chapter's file name without suffix, ``03_segmentation``.
        client: path of the client's YAML.
        workspace: folder of a run's workspace; empty: the tables are taken in once, into ``.crmlib`` beside the YAML.
        output: folder for the tables shown; empty: none are written.
        language: of titles and findings; empty: the client's.

    Raises:
        UnusableInput: the configuration or the data cannot be used.
    """
    opened = load_client(client)
    text.use(text.spoken(language or opened.language), opened.currency)
    folder = Path(workspace) if workspace else opened.folder / ".crmlib" / "workspaces" / opened.path.stem
    return Chapter(name, opened, take_in(opened, folder), Path(output) if output else None)


def _without_formulas(frame: Any) -> Any:
    from pandas.api.types import is_numeric_dtype

    def as_text(cell: Any) -> Any:
        return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell

    texts = {c: frame[c].map(as_text) for c in frame.columns if not is_numeric_dtype(frame[c])}
    return frame.assign(**texts)
