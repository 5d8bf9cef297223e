"""The stored notebooks: built from their sources, run from top to bottom, blanks blank and solutions right.

That the stored outputs are those of a real run is proved by nbval (strict) in ``make test``.
"""

import ast
import json
import re
import statistics

import nbformat
import pytest

from crmlib.chapter.sections import needed
from crmlib.chapters import chapter_files
from crmlib.course.build import PLACE, builds, notebook, solution
from crmlib.course.map import course_map

BUILDS = list(builds())
SOLUTIONS = {built.source: built.target for built in BUILDS if built.kind == "solution"}
NAMES = [f"{built.kind}-{built.source.stem}" for built in BUILDS]
SPINE = ["## What you will be able to do", "## Summary", "## Glossary"]


def code_cells(book):
    return [cell for cell in book.cells if cell.cell_type == "code" and cell.source.strip()]


@pytest.mark.parametrize("built", BUILDS, ids=NAMES)
def test_a_stored_notebook_is_what_its_source_builds(built):
    stored, made = nbformat.read(built.target, 4), notebook(built)
    assert [(c.id, c.cell_type, c.metadata) for c in stored.cells] == [
        (c.id, c.cell_type, c.metadata) for c in made.cells
    ], "run make notebooks"
    for cell, wanted in zip(stored.cells, made.cells, strict=True):
        # A lesson's places are filled from the run.
        parts = PLACE.split(wanted.source)[::3]
        assert re.fullmatch(r"[^{}]+?".join(map(re.escape, parts)), cell.source), "run make notebooks"
    assert stored.metadata == made.metadata


@pytest.mark.parametrize("built", BUILDS, ids=NAMES)
def test_a_stored_notebook_was_run_from_top_to_bottom_without_errors_or_noise(built):
    cells = code_cells(nbformat.read(built.target, 4))
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    for cell in cells:
        for output in cell.outputs:
            assert output.output_type not in ("error", "stream"), output


@pytest.mark.parametrize("built", BUILDS, ids=NAMES)
def test_cells_are_short_and_outputs_load_nothing_and_show_no_path(built):
    text = built.target.read_text(encoding="utf-8")
    assert all(cell.source.count("\n") < 12 for cell in code_cells(nbformat.read(built.target, 4)))
    assert not re.search(r"(src|href)=\\?[\"']https?://", text)
    assert str(built.target.parent) not in text


@pytest.mark.parametrize("built", BUILDS, ids=NAMES)
def test_every_figure_is_seen(built):
    for cell in code_cells(nbformat.read(built.target, 4)):
        for output in cell.outputs:
            shown = output.get("data", {})
            assert not shown.get("text/plain", "").startswith(("<Axes", "<Figure")), cell.source


@pytest.mark.parametrize("chapter", chapter_files(), ids=lambda chapter: chapter.name)
def test_a_chapter_follows_the_spine_and_has_a_practice_notebook(chapter):
    book = nbformat.read(chapter.path, 4)
    prose = "\n".join(cell.source for cell in book.cells if cell.cell_type == "markdown")
    assert "manager's question" in prose.lower()
    for heading in SPINE:
        assert heading.lower() in prose.lower()
    assert {"client", "run"} <= set(chapter.parameters)
    for folder in ("exercises", "solutions"):
        assert (chapter.path.parent / folder / f"{chapter.name}_{folder}.ipynb").is_file()


@pytest.mark.parametrize("chapter", chapter_files(), ids=lambda chapter: chapter.name)
def test_what_a_section_makes_is_used_only_where_its_table_is_there(chapter):
    """Cells that need a table are left out without it: no other cell may use a name that only they make."""
    made: dict[str, list[set[str]]] = {}
    for cell in code_cells(nbformat.read(chapter.path, 4)):
        needs = set(needed(cell))
        names = [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Name)]
        for used in (node.id for node in names if isinstance(node.ctx, ast.Load) and node.id in made):
            assert any(made_with <= needs for made_with in made[used]), f"{used} is missing without {made[used]}"
        for name in {node.id for node in names if isinstance(node.ctx, ast.Store)}:
            made.setdefault(name, []).append(needs)


def ported(chapter):
    words = chapter.path.parents[1] / "crmlib" / "lifecycle" / chapter.name[3:] / "words.yaml"
    return words.is_file() and "question:" in words.read_text(encoding="utf-8")


@pytest.mark.parametrize("chapter", filter(ported, chapter_files()), ids=lambda chapter: chapter.name)
def test_a_chapter_reads_without_plumbing(chapter):
    """Few conditionals, cells of three lines in the middle; sections that need a table say so in tags."""
    sources = [cell.source for cell in code_cells(nbformat.read(chapter.path, 4))]
    nodes = [node for source in sources for node in ast.walk(ast.parse(source))]
    conditionals = [node for node in nodes if isinstance(node, ast.If | ast.IfExp)]
    assert len(conditionals) <= 3
    assert not [node for node in conditionals if isinstance(node, ast.IfExp) and ast.unparse(node.orelse) == "None"]
    assert statistics.median(source.count("\n") + 1 for source in sources) <= 3
    assert not [node for node in nodes if isinstance(node, ast.Name) and node.id in ("print", "display")]


def answers(path):
    """What the checks of a practice notebook said."""
    book = json.loads(path.read_text(encoding="utf-8"))
    said = []
    for cell in book["cells"]:
        for output in cell.get("outputs", []):
            shown = "".join(output.get("data", {}).get("text/markdown", []))
            if shown.startswith(("✅", "🔶", "⬜")):
                said.append(shown)
    return said


@pytest.mark.parametrize("built", [b for b in BUILDS if b.kind == "solution"], ids=lambda b: b.source.stem)
def test_every_solution_is_right(built):
    said = answers(built.target)
    assert len(said) >= 3
    assert all(answer.startswith("✅") for answer in said)


@pytest.mark.parametrize("built", [b for b in BUILDS if b.kind == "exercise"], ids=lambda b: b.source.stem)
def test_every_blank_is_not_attempted_and_holds_no_solution(built):
    assert all(answer.startswith("⬜") for answer in answers(built.target))
    assert len(answers(built.target)) == len(answers(SOLUTIONS[built.source]))
    import jupytext

    blank = built.target.read_text(encoding="utf-8")
    for cell in jupytext.read(built.source, fmt="py:percent").cells:
        if "exercise" in cell.metadata.get("tags", []):
            for line in solution(cell.source).splitlines():
                if len(line.strip()) > 12:
                    assert json.dumps(line.strip())[1:-1] not in blank


def test_the_course_map_is_that_of_the_chapters(repository):
    assert (repository / "notebooks" / "README.md").read_text(encoding="utf-8") == course_map(), "run make docs"
