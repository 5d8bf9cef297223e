"""What the executed chapters say: their exhibits and findings, in the order of the notebook."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crmlib import finding
from crmlib.exhibits import MIME, svg_of
from crmlib.finding import Finding


@dataclass(frozen=True)
class Section:
    """What one executed chapter contributes to the report."""

    exhibits: list[dict[str, Any]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def definitions(self) -> list[tuple[str, str]]:
        """The terms that the chapter defines for the appendix."""
        return [
            (term, about)
            for exhibit in self.exhibits
            if exhibit["kind"] == "definitions"
            for term, about in exhibit["definitions"]
        ]


def section(notebook: Path) -> Section:
    """Read the exhibits and findings out of an executed notebook.

    Findings keep the order in which the chapter concluded them; a figure's picture is ``svg``.
    """
    found = Section()
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if MIME in data:
                exhibit = dict(data[MIME])
                exhibit["svg"] = svg_of("".join(data.get("text/html", "")))
                found.exhibits.append(exhibit)
            if finding.MIME in data:
                found.findings.append(Finding.from_dict(data[finding.MIME]))
    return found
