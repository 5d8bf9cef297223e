"""Building the notebooks from their text twins: chapters, and exercises with and without solutions.

``python -m crmlib.course.build [NAME …]`` builds and runs those whose source, or all; outputs are stored from that run.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crmlib.chapters import notebooks_folder
from crmlib.kernel import with_own_kernel, with_own_settings

_BLANK = re.compile(r"^#: ?", re.MULTILINE)
_EXERCISE = "exercise"
_PLACES = "places"


@dataclass(frozen=True)
class Built:
    """A notebook that is built from a source: ``kind`` is chapter, exercise (blank) or solution."""

    source: Path
    target: Path
    kind: str


def builds(folder: Path | None = None) -> Iterator[Built]:
    """Every notebook with the source that it is built from. No two have one name: JupyterLab's tabs show only that."""
    folder = folder or notebooks_folder()
    for source in sorted((folder / "source").glob("[0-9][0-9]_*.py")):
        yield Built(source, folder / f"{source.stem}.ipynb", "chapter")
    for source in sorted((folder / "source" / "exercises").glob("[0-9][0-9]_*.py")):
        yield Built(source, folder / "exercises" / f"{source.stem}_exercises.ipynb", "exercise")
        yield Built(source, folder / "solutions" / f"{source.stem}_solutions.ipynb", "solution")


def notebook(built: Built) -> Any:
    """The notebook without outputs.

    In a cell tagged ``exercise`` the lines that begin with ``#:`` are what the trainee sees, the others the solution.
    """
    import jupytext

    made = jupytext.read(built.source, fmt="py:percent")
    made.metadata = {
        "crmlib": made.metadata.get("crmlib", {}),
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    seen: dict[str, int] = {}
    for cell in made.cells:
        tags = cell.metadata.get("tags", [])
        if _EXERCISE in tags and built.kind != "chapter":
            cell.source = blank(cell.source) if built.kind == "exercise" else solution(cell.source)
        cell.metadata = {"tags": tags} if tags else {}
        if "parameters" in tags:
            cell.metadata["jupyter"] = {"source_hidden": True}
        digest = hashlib.sha256(cell.source.encode()).hexdigest()[:10]
        seen[digest] = seen.get(digest, 0) + 1
        cell["id"] = f"{digest}-{seen[digest]}"
    return made


def blank(source: str) -> str:
    """What the trainee finds in an exercise cell.

    >>> blank("#: rate = ...\\nrate = orders.repeat.mean()")
    'rate = ...'
    """
    return "\n".join(_BLANK.sub("", line) for line in source.splitlines() if _BLANK.match(line))


def solution(source: str) -> str:
    """What the solution's cell holds.

    >>> solution("#: rate = ...\\nrate = orders.repeat.mean()")
    'rate = orders.repeat.mean()'
    """
    return "\n".join(line for line in source.splitlines() if not _BLANK.match(line))


def execute(made: Any, folder: Path) -> Any:
    """Run a notebook in its folder and keep its outputs, free of times and versions; lessons get their numbers."""
    from nbclient import NotebookClient

    made.cells = list(_with_places(made.cells))
    with tempfile.TemporaryDirectory(prefix="crm") as private:
        own = with_own_settings(os.environ, private)
        os.environ |= with_own_kernel(os.environ)
        client = NotebookClient(made, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
        client.execute(env=own)
    made.cells = list(_filled(made.cells))
    for count, cell in enumerate((cell for cell in made.cells if cell.cell_type == "code" and cell.source), 1):
        cell.execution_count = count
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = count
    for cell in made.cells:
        cell.metadata.pop("execution", None)
    made.metadata["language_info"] = {"name": "python"}
    return made


PLACE = re.compile(r"\{\{\s*(.+?)\s*\|\s*([\w.]+)\s*\}\}")
"""A place in a lesson: ``{{ expression | kind }}``, where the kind is one of a sentence's places."""


def places(source: str) -> list[tuple[str, str]]:
    """The expressions in a lesson with the kinds in which they are shown.

    >>> places("That morning {{ waiting[30] | count }} were waiting.")
    [('waiting[30]', 'count')]
    """
    return PLACE.findall(source)


def _with_places(cells: list[Any]) -> Iterator[Any]:
    """Before each lesson a cell that computes its numbers; it is taken out again when they are filled in."""
    import nbformat

    for cell in cells:
        if cell.cell_type == "markdown" and places(cell.source):
            shown = ", ".join(f"place({expression}, {kind!r})" for expression, kind in places(cell.source))
            code = f"import json\nfrom crmlib.words import place\nprint(json.dumps([{shown}]))"
            yield nbformat.v4.new_code_cell(code, metadata={"tags": [_PLACES]})
        yield cell


def _filled(cells: list[Any]) -> Iterator[Any]:
    numbers: list[str] = []
    for cell in cells:
        if _PLACES in cell.metadata.get("tags", []):
            numbers = json.loads(cell.outputs[0].text)
            continue
        if cell.cell_type == "markdown" and places(cell.source):
            texts = PLACE.split(cell.source)[::3]
            cell.source = "".join(text + number for text, number in zip(texts, [*numbers, ""], strict=True))
        yield cell


def main(names: list[str]) -> None:
    """Build the named notebooks (all without names)."""
    import nbformat

    for built in builds():
        if names and built.source.stem not in names:
            continue
        built.target.parent.mkdir(exist_ok=True)
        made = execute(notebook(built), built.target.parent)
        nbformat.write(made, built.target)
        print(built.target.relative_to(notebooks_folder()))


if __name__ == "__main__":
    main(sys.argv[1:])
