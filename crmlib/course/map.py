"""The course map, generated from the chapters themselves: ``python -m crmlib.course.map > notebooks/README.md``."""

from __future__ import annotations

from crmlib.chapters import ChapterFile, chapter_files
from crmlib.words.forms import either


def course_map() -> str:
    """The chapters with their questions, what they need and where to practise, as Markdown.

    >>> course_map().splitlines()[0]
    '# Course map'
    """
    chapters = chapter_files()
    lines = [
        "# Course map",
        "",
        "Generated from the chapters by `make docs`; do not edit. Open a chapter in JupyterLab (`make lab`), read and",
        "run it from the top, then practise. All of it works offline on the sample brand in `data/aurora`.",
        "",
        "| chapter | the manager's question | minutes | needs | richer with | practise |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    lines += [_row(chapter) for chapter in chapters]
    total = sum(chapter.minutes for chapter in chapters)
    lines += ["", f"{len(chapters)} chapters, about {total / 60:.0f} hours with the exercises."]
    return "\n".join(lines) + "\n"


def _row(chapter: ChapterFile) -> str:
    practice = " · ".join(f"[{kind}]({kind}/{chapter.name}_{kind}.ipynb)" for kind in ("exercises", "solutions"))
    needs = either([", ".join(wanted) for wanted in chapter.needs])
    return (
        f"| [{chapter.name[:2]} {chapter.title}]({chapter.name}.ipynb) | {chapter.question} | {chapter.minutes} "
        f"| {needs} | {', '.join(chapter.optional) or '–'} | {practice} |"
    )


if __name__ == "__main__":
    print(course_map(), end="")
