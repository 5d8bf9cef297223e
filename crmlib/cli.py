"""The command line: ``crmlib run``, ``crmlib check``, ``crmlib lab``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(
    help="Customer lifecycle playbook: from a client's exports to a report.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

DONE, FAILED_CHAPTERS, UNUSABLE = 0, 1, 2

ClientFile = Annotated[Path, typer.Argument(metavar="CLIENT.YAML", help="The client's configuration.")]


@contextmanager
def _problems_in_words() -> Iterator[None]:
    from crmlib.problems import UnusableInput

    try:
        yield
    except (KeyboardInterrupt, RuntimeError) as interrupted:
        # DuckDB says that it was interrupted with an error of its own.
        if not isinstance(interrupted, KeyboardInterrupt) and "interrupted" not in str(interrupted).lower():
            raise
        typer.echo("Interrupted. Run the same command again: finished chapters are kept.", err=True)
        raise typer.Exit(130) from None
    except UnusableInput as unusable:
        count = len(unusable.problems)
        typer.echo(f"Cannot start: {count} {'problem' if count == 1 else 'problems'} to mend.", err=True)
        for problem in unusable.problems:
            typer.echo(f"  - {problem}", err=True)
        raise typer.Exit(UNUSABLE) from None


@app.command()
def run(
    client: ClientFile,
    out: Annotated[Path | None, typer.Option(help="Folder of the run. [default: reports/<client's folder>]")] = None,
    language: Annotated[str, typer.Option(help="Language of the report: en or zh. [default: the client's]")] = "",
    chapter: Annotated[
        list[str] | None, typer.Option(help="Only this chapter (repeatable), as 03 or 03_segmentation.")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Chapters at once. [default: number of cores]")] = None,
    cell_timeout: Annotated[int, typer.Option(min=1, help="Seconds that one cell may take.")] = 600,
) -> None:
    """Run the chapters on a client's data and write the report."""
    from crmlib import runner

    with _problems_in_words():
        _check_language(language)
        with _Shown() as shown:
            done = runner.run(
                client,
                output=out,
                language=language,
                chapters=chapter or (),
                workers=workers,
                cell_timeout=cell_timeout,
                progress=shown.tell,
            )
    if done.language != (language or done.client.language):
        typer.echo("The report is in English: there is no catalogue yet for the language that was asked for.")
    _tell_account(done.workspace.account)
    for result in done.chapters:
        if result.status != "done":
            said = result.why if result.status == "left out" else f"Failed: {result.why}"
            typer.echo(f"{result.file.name}: {said}")
    typer.echo(f"Report: {_relative(done.folder / 'index.html')} ({done.seconds:.1f} s)")
    raise typer.Exit(done.exit_code)


@app.command()
def check(
    client: ClientFile,
    out: Annotated[Path | None, typer.Option(help="Folder of the run. [default: reports/<client's folder>]")] = None,
) -> None:
    """Take the data in, without running anything: what was read and set aside, and which chapters can run."""
    from crmlib import text
    from crmlib.chapters import chapter_files
    from crmlib.client import load_client
    from crmlib.intake import take_in
    from crmlib.intake.identities.runs import register_run
    from crmlib.report.intake import chapter_state, write_intake
    from crmlib.runner import check_settings, run_folder

    with _problems_in_words():
        opened = load_client(client)
        text.use(text.spoken(opened.language), opened.currency)
        check_settings(opened, chapter_files())
        folder = run_folder(opened, out)
        # First of all, so that forget and purge find what an interrupted check leaves there.
        register_run(opened.folder, folder)
        workspace = take_in(opened, folder / "workspace")
        write_intake(opened, workspace.account, chapter_files(), folder)
    _tell_account(workspace.account)
    for file in chapter_files():
        state = chapter_state(file, workspace.account["tables"])
        why = state.get("why") or f"{state['state']}" + (
            f" without {', '.join(state['without'])}" if "without" in state else ""
        )
        typer.echo(f"{file.name}: {why}")
    typer.echo(f"Account: {_relative(folder / 'intake.html')}")


@app.command()
def forget(
    client: ClientFile,
    customer: Annotated[
        str, typer.Argument(metavar="ID", help="The client's own id of the customer, or the pseudonym.")
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove one person everywhere: from the vault, the tables, the quarantine and the reports."""
    from crmlib.client import load_client
    from crmlib.intake.identities.forget import forget as forget_customer
    from crmlib.intake.identities.forget import plan_forget
    from crmlib.intake.profiles import customer_headings

    with _problems_in_words():
        opened = load_client(client)
        if not yes:
            typer.echo(str(plan_forget(opened, customer, headings=customer_headings(opened))))
            typer.confirm("This cannot be undone. Remove this person?", abort=True)
        report = forget_customer(opened, customer, headings=customer_headings(opened))
    typer.echo(str(report))


@app.command()
def purge(
    client: ClientFile,
    keep_exports: Annotated[bool, typer.Option(help="Leave the client's YAML and exports where they are.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove all of a client: vault, key, quarantine, workspaces, reports, and the client's folder."""
    from crmlib.client import load_client
    from crmlib.intake.identities.purge import plan_purge
    from crmlib.intake.identities.purge import purge as purge_client

    with _problems_in_words():
        opened = load_client(client)
        if not yes:
            typer.echo(str(plan_purge(opened, keep_exports=keep_exports)))
            typer.confirm("This cannot be undone. Remove all of this?", abort=True)
        report = purge_client(opened, keep_exports=keep_exports)
    typer.echo(str(report))


@app.command()
def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The client's folder, to be made.")],
    exports: Annotated[
        list[str], typer.Option("--from", metavar="EXPORTS", help="Folder, file or glob of exports (repeatable).")
    ],
    name: Annotated[str, typer.Option(help="The client's name. [default: the folder's]")] = "",
    currency: Annotated[str, typer.Option(help="ISO 4217 code. [default: proposed from the exports]")] = "",
    timezone: Annotated[str, typer.Option(help="IANA time zone. [default: proposed from the exports]")] = "",
    language: Annotated[str, typer.Option(help="Language of the report: en or zh. [default: en]")] = "",
    again: Annotated[bool, typer.Option("--again", help="Write client.proposed.yaml beside a client.yaml.")] = False,
) -> None:
    """Propose a client.yaml for a folder of exports, with reasons, and say what must be decided."""
    from crmlib.intake.proposal import new_client

    with _problems_in_words():
        written, proposal = new_client(
            folder, exports, name=name, currency=currency, timezone=timezone, language=language, again=again
        )
    for line in proposal.recognised:
        typer.echo(line)
    for problem in proposal.unreadable:
        typer.echo(f"Cannot be read: {problem}")
    if proposal.decisions:
        typer.echo("To decide:")
        for number, said in enumerate(proposal.decisions, 1):
            typer.echo(f"  {number}. {said}")
    typer.echo(f"Wrote {_relative(written)}. Correct it, then: crmlib check {_relative(written)}")


@app.command()
def lab() -> None:
    """Open JupyterLab at the course map."""
    import subprocess

    from crmlib.chapters import notebooks_folder

    folder = notebooks_folder()
    raise typer.Exit(
        subprocess.call(
            [
                sys.executable,
                "-m",
                "jupyter",
                "lab",
                f"--notebook-dir={folder.parent}",
                "--LabApp.default_url=/lab/tree/notebooks/README.md",
            ]
        )
    )


def _check_language(language: str) -> None:
    from crmlib.problems import Problem, UnusableInput

    if language not in ("", "en", "zh"):
        raise UnusableInput(
            [Problem("--language", found=repr(language), expected="en or zh", remedy="choose one of them")]
        )


def _tell_account(account: dict) -> None:
    typer.echo(f"Data from {account['first_day']} to {account['last_day']}, looked at as of {account['as_of']}.")
    for name, table in account["tables"].items():
        line = (
            f"{name}: {table['read']:,} rows read = {table['accepted']:,} accepted + {table['repaired']:,} repaired "
            f"+ {table['quarantined']:,} quarantined"
        )
        typer.echo(line)
        for reason, count in table["reasons"].items():
            typer.echo(f"    {count:,}: {reason}")
        if "cancellations" in table and table["cancellations"]["rows"]:
            found = table["cancellations"]
            share = found["matched"] / found["rows"]
            typer.echo(
                f"    {found['matched']:,} of {found['rows']:,} cancellations ({share:.1%}) matched to their order"
            )
        for repair in _in_all(table["repairs"]):
            typer.echo(f"    {repair}")
        for said in dict.fromkeys(table["decisions"]):
            typer.echo(f"    {said}")
        for column, count in table["blanked"].items():
            typer.echo(f"    {column}: {count:,} values could not be read or are out of range, and are left empty")
        if table.get("of_unknown_customers"):
            typer.echo(
                f"    {table['of_unknown_customers']:,} of customers who are not in customers: kept, attributes unknown"
            )

    for question in dict.fromkeys(said for table in account["tables"].values() for said in table["questions"]):
        typer.echo(f"To decide: {question}")
    for key in account["quality"]["foreign_keys"]:
        if key["lost"] and key["into"] != "customers":
            typer.echo(f"{key['table']}: {key['lost']:,} rows whose {key['column']} is not in {key['into']} are kept")
    if account.get("people", {}).get("duplicate_customers"):
        count = account["people"]["duplicate_customers"]
        typer.echo(
            f"To decide: {count:,} customers look like another one: see quarantine/duplicates.csv, then set merge."
        )
    shared = sum(counts["sharing_customers"] for counts in account.get("people", {}).get("duplicates", {}).values())
    if shared:
        typer.echo(
            f"{shared:,} customers share a contact with others that proves nothing by itself; they are not merged."
        )
    if "people" in account:
        if account["people"]["open_to_others"]:
            typer.echo("To decide: other users of this computer can open the client's folder. Close it: chmod 700.")
        typer.echo(f"People are in the vault; its key is {account['people']['key']}.")


def _in_all(repairs: list[dict[str, Any]]) -> list[str]:
    """What was repaired in a table, a line per repair."""
    cells: dict[str, int] = {}
    for repair in repairs:
        cells[repair["name"]] = cells.get(repair["name"], 0) + repair["cells"]
    return [f"repaired {name}: {count:,} cells" for name, count in cells.items()]


def _relative(path: Path) -> Path:
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path


class _Shown:
    """A line per chapter with its time: live on a terminal, plain lines elsewhere."""

    def __enter__(self) -> _Shown:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        self._console = Console(stderr=True)
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
            console=self._console,
        )
        self._tasks: dict[str, Any] = {}
        if self._console.is_terminal:
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def tell(self, chapter: str, state: str, seconds: float) -> None:
        if not self._console.is_terminal:
            if state != "started":
                self._console.print(f"{chapter}: {state}" + (f" in {seconds:.1f} s" if seconds else ""))
            return
        if state == "started":
            self._tasks[chapter] = self._bars.add_task(chapter, total=None)
            return
        task = self._tasks.get(chapter)
        if task is None:
            task = self._bars.add_task(chapter)
        self._bars.update(task, description=f"{chapter}: {state}", total=1, completed=1)


if __name__ == "__main__":
    app()
