"""What goes with the page: lists and tables as workbooks, a text for a mail, paper, what changed, many clients."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crmlib.report.changed import BRIEFING, write_snapshot
from crmlib.report.forms.mail import write_mail
from crmlib.report.forms.tables import write_tables
from crmlib.run import Run

WORKBOOK, MAIL, PAPER = "report.xlsx", "summary.md", "report.pdf"

__all__ = ["BRIEFING", "MAIL", "PAPER", "WORKBOOK", "write_forms"]


def write_forms(run: Run, content: Mapping[str, Any]) -> list[Path]:
    """Write what goes with a run's page, from what the page says; answers the files."""
    files = [run.folder / name for name in (WORKBOOK, MAIL, BRIEFING)]
    write_tables(files[0], content)
    write_mail(files[1], content)
    write_snapshot(files[2], run, content)
    return files
