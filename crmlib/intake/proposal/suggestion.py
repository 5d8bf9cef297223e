"""What is proposed, before it is written: one source of one contract table, line by line, with the reasons."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from crmlib.intake.proposal.exports import Export


@dataclass(frozen=True)
class Line:
    """One key of the YAML with its value and the reason; ``off`` lines are written as comments."""

    key: str
    value: Any
    reason: str = ""
    off: bool = False


@dataclass
class Suggested:
    """One source of a contract table: from which export, by which profile or columns, why, and what to decide."""

    table: str
    export: Export
    why: list[str]
    profile: str = ""
    headings: list[Line] = field(default_factory=list)
    """The names of the columns and what each looks like, where no row of the file names them."""
    columns: list[Line] = field(default_factory=list)
    values: dict[str, list[Line]] = field(default_factory=dict)
    settings: list[Line] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    off: bool = False
    main: bool = True
    key: str = ""
    keyed_by: tuple[str, ...] = ()
    """The headings that fill the table's key, also where a profile names them."""
    confidence: float = 100.0
    open_columns: tuple[str, ...] = ()
    """Required columns that a person has to name before this source can be read."""

    @property
    def gaps(self) -> bool:
        """Whether a required column was not found at all."""
        asked = {line.key for line in self.columns if line.off}
        return any(name not in asked for name in self.open_columns)
