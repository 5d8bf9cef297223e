"""The command line: ``crmlib run``, ``crmlib check``, ``crmlib lab``."""

from __future__ import annotations

import datetime as dt
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crmlib.words import Words, use

if TYPE_CHECKING:
    from crmlib.client import Client

_WORDS = Words(__file__)
app = typer.Typer(
    help="Customer lifecycle playbook: from a client's exports to a report.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

DONE, FAILED_CHAPTERS, UNUSABLE = 0, 1, 2

ClientFile = Annotated[Path, typer.Argument(metavar="CLIENT.YAML", help="The client's configuration.")]


@app.callback()
def _survive_any_encoding() -> None:
    """Customer lifecycle playbook: from a client's exports to a report."""
    # What a stream's encoding cannot say is written as its number: a log file in Windows-1252 ends no command.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def _problems_in_words() -> Iterator[None]:
    from crmlib.problems import Stopped, UnusableInput

    try:
        yield
    except (KeyboardInterrupt, RuntimeError) as interrupted:
        # DuckDB says that it was interrupted with an error of its own.
        if not isinstance(interrupted, KeyboardInterrupt) and "interrupted" not in str(interrupted).lower():
            raise
        typer.echo(_WORDS.say("console.interrupted"), err=True)
        raise typer.Exit(130) from None
    except UnusableInput as unusable:
        key = "console.stopped" if isinstance(unusable, Stopped) else "console.cannot_start"
        typer.echo(_WORDS.say(key, n=len(unusable.problems)), err=True)
        for problem in unusable.problems:
            typer.echo(f"  - {problem}", err=True)
        raise typer.Exit(UNUSABLE) from None


def _say_that_it_waits() -> None:
    typer.echo(_WORDS.say("console.waits"), err=True)


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
    since: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Earlier run to compare with. [default: what the run's folder holds]"),
    ] = None,
    pdf: Annotated[bool, typer.Option("--pdf", help="Print the page to report.pdf, too (needs a browser).")] = False,
    readable: Annotated[
        bool, typer.Option("--readable", help="Let other users of this computer read the report. [default: only you]")
    ] = False,
) -> None:
    """Run the chapters on a client's data and write the report."""
    from crmlib import runner

    with _problems_in_words(), _Shown() as shown:
        done = runner.run(
            client,
            output=out,
            language=language,
            chapters=chapter or (),
            workers=workers,
            cell_timeout=cell_timeout,
            progress=shown.tell,
            since=since,
            pdf=pdf,
            readable=readable,
            waits=_say_that_it_waits,
        )
    known = _WORDS.names("changed")
    for result in done.chapters:
        name = result.file.name
        if result.status == "done":
            changed = [_WORDS.name("changed", one) if one in known else one for one in result.changed]
            how = "reused" if result.reused else "changed" if changed else "in_time"
            _say(f"console.{how}", chapter=name, state="done", seconds=result.seconds, changed=changed)
        else:
            said = result.why if result.status == "left out" else _WORDS.say("chapter.failed", why=result.why)
            _say("console.of_chapter", chapter=name, said=said)
    _tell_in_one_line(done.workspace.account)
    typer.echo(done.headline)
    if done.is_empty:
        _say("console.nothing_to_tell")
    for note in done.notes:
        typer.echo(note)
    _say("console.report", file=_relative(done.folder / "index.html"), seconds=done.seconds)
    raise typer.Exit(done.exit_code)


@app.command()
def check(
    client: ClientFile,
    out: Annotated[Path | None, typer.Option(help="Folder of the run. [default: reports/<client's folder>]")] = None,
    language: Annotated[str, typer.Option(help="Language of the account: en or zh. [default: the client's]")] = "",
) -> None:
    """Take the data in, without running anything: what was read and set aside, and which chapters can run."""
    from crmlib.chapters import chapter_files
    from crmlib.intake import take_in
    from crmlib.intake.identities.private import room_for
    from crmlib.intake.identities.runs import at_work
    from crmlib.report.intake import chapter_state, unset_margin, write_intake
    from crmlib.run_folder import run_folder, writing_to
    from crmlib.runner import check_settings, check_tables

    with _problems_in_words():
        opened = _opened(client, language)
        check_settings(opened, chapter_files())
        folder = run_folder(opened, out)
        with room_for(folder), at_work(opened.folder), writing_to(folder, opened):
            workspace = take_in(opened, folder / "workspace", waits=_say_that_it_waits)
            write_intake(opened, workspace.account, chapter_files(), folder)
            check_tables(opened, chapter_files(), workspace)
    _tell_account(workspace.account)
    for said in unset_margin(opened, workspace.account):
        _say("account.to_decide", said=said)
    for file in chapter_files():
        state = chapter_state(file, workspace.account["tables"])
        if "why" in state:
            _say("console.of_chapter", chapter=file.name, said=state["why"])
        else:
            _say("console.thinner" if "without" in state else "console.can", state, chapter=file.name)
    _say("console.account_file", file=_relative(folder / "intake.html"))


@app.command()
def portfolio(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder in which the runs' folders are.")],
    language: Annotated[str, typer.Option(help="Language of the page: en or zh. [default: of most briefings]")] = "",
) -> None:
    """One page over many clients' runs: sales, what moved, how much is to be decided, and the way to each briefing."""
    from crmlib.client import speak
    from crmlib.intake.identities.private import room_for
    from crmlib.report.forms.portfolio import write_portfolio

    with _problems_in_words(), room_for(folder):
        speak(folder, language)
        written, damaged = write_portfolio(folder, language)
    for problem in damaged:
        _say("console.unreadable", problem=problem)
    _say("console.portfolio", file=_relative(written))


@app.command()
def forget(
    client: ClientFile,
    customer: Annotated[
        str, typer.Argument(metavar="ID", help="The client's own id of the customer, or the pseudonym.")
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove one person everywhere: from the vault, the tables, the quarantine and the reports."""
    from crmlib.intake.identities.forget import forget as forget_customer
    from crmlib.intake.identities.forget import plan_forget
    from crmlib.intake.profiles import customer_headings

    with _problems_in_words():
        opened = _opened(client)
        if not yes:
            typer.echo(str(plan_forget(opened, customer, headings=customer_headings(opened))))
            typer.confirm(_WORDS.say("console.remove_person"), abort=True)
        report = forget_customer(opened, customer, headings=customer_headings(opened))
    typer.echo(str(report))


@app.command()
def purge(
    client: ClientFile,
    keep_exports: Annotated[bool, typer.Option(help="Leave the client's YAML and exports where they are.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove all of a client: vault, key, quarantine, workspaces, reports, and the client's folder."""
    from crmlib.intake.identities.purge import plan_purge
    from crmlib.intake.identities.purge import purge as purge_client

    with _problems_in_words():
        opened = _opened(client)
        if not yes:
            typer.echo(str(plan_purge(opened, keep_exports=keep_exports)))
            typer.confirm(_WORDS.say("console.remove_all"), abort=True)
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
    from crmlib.client import speak
    from crmlib.intake.identities.private import room_for
    from crmlib.intake.proposal import new_client

    with _problems_in_words(), room_for(folder):
        speak(folder, language)
        written, proposal = new_client(
            folder, exports, name=name, currency=currency, timezone=timezone, language=language, again=again
        )
    for line in proposal.recognised:
        typer.echo(line)
    for problem in proposal.unreadable:
        _say("console.unreadable", problem=problem)
    if proposal.decisions:
        _say("console.to_decide")
        for number, said in enumerate(proposal.decisions, 1):
            _say("console.decision", number=number, said=said)
    _say("console.wrote", file=_relative(written))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def lab(options: typer.Context) -> None:
    """Open JupyterLab at the course map. Options of JupyterLab are passed on: crmlib lab --allow-root --port 8889."""
    import os
    import subprocess

    from crmlib.chapters import notebooks_folder
    from crmlib.kernel import with_own_kernel

    folder = notebooks_folder()
    # Markdown opens rendered, unless the user's own settings say otherwise.
    settings = [str(Path(__file__).parent / "course" / "jupyterlab"), os.environ.get("JUPYTER_CONFIG_PATH", "")]
    environment = with_own_kernel(os.environ | {"JUPYTER_CONFIG_PATH": os.pathsep.join(filter(None, settings))})
    home = [f"--notebook-dir={folder.parent}", f"--LabApp.default_url=/lab/tree/{folder.name}/README.md"]
    command = [sys.executable, "-m", "jupyterlab", *home, *options.args]
    if os.name == "posix":
        os.execve(sys.executable, command, environment)  # The server takes this process's place, and its signals.
    raise typer.Exit(subprocess.call(command, env=environment))


def _opened(file: Path, language: str = "") -> Client:
    """The client, and from here on the language and the currency in use."""
    from crmlib.client import load_client, speak

    speak(file, language)
    client = load_client(file)
    use(language or client.language, client.currency)
    return client


def _say(key: str, values: Any = None, /, **more: Any) -> None:
    typer.echo(_WORDS.say(key, values, **more))


def _tell_account(account: dict[str, Any]) -> None:
    first, last, as_of = (dt.date.fromisoformat(account[key]) for key in ("first_day", "last_day", "as_of"))
    _say("account.span", first=first, last=last, as_of=as_of)
    for name, table in account["tables"].items():
        _say("account.rows", table, table=name)
        for reason, count in table["reasons"].items():
            _say("account.reason", n=count, why=reason)
        for column, count in table["blanked"].items():
            _say("account.blanked", column=column, n=count)
        if table.get("of_unknown_customers"):
            _say("account.unknown_customers", n=table["of_unknown_customers"])
    for question in _questions(account):
        _say("account.to_decide", said=question)
    for key in account["quality"]["foreign_keys"]:
        if key["lost"] and key["into"] != "customers":
            _say("account.no_such_key", key, n=key["lost"])
    people = account.get("people", {})
    if people.get("duplicate_customers"):
        _say("account.look_alike", n=people["duplicate_customers"])
    sharing = sum(counts["sharing_customers"] for counts in people.get("duplicates", {}).values())
    if sharing:
        _say("account.sharing", n=sharing)
    if people:
        if people["open_to_others"]:
            _say("account.open_folder")
        for doubt in people.get("names_in_doubt", []):
            _say("account.names_in_doubt", doubt, n=doubt["texts"])
        _say("account.key", where=people["key"])


def _tell_in_one_line(account: dict[str, Any]) -> None:
    """What became of all rows, and how many points wait for a decision; the page of the intake has the rest."""
    counts = ("read", "accepted", "repaired", "quarantined")
    rows = {name: sum(table[name] for table in account["tables"].values()) for name in counts}
    open_points = len(_questions(account))
    _say("console.rows_and_questions" if open_points else "console.rows", rows, n=open_points)
    if account.get("people", {}).get("open_to_others"):
        _say("account.open_folder")


def _questions(account: dict[str, Any]) -> list[str]:
    """What the client is asked, each question once."""
    return list(dict.fromkeys(str(said) for table in account["tables"].values() for said in table["questions"]))


def _relative(path: Path) -> Path:
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path


class _Shown:
    """On a terminal a line with what runs, how many chapters are done and how long it may take; else nothing."""

    def __enter__(self) -> _Shown:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._running: list[str] = []
        self._total = self._ended = 0
        columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
        self._bars = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._bars.add_task("", total=None)
        if self._bars.console.is_terminal:
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars.console.is_terminal:
            self._bars.stop()

    def tell(self, chapter: str, state: str, seconds: float) -> None:
        if state == "waiting":
            self._total += 1
        elif state == "started":
            self._running.append(chapter)
        elif state != "left out":
            self._ended += 1
            self._running = [name for name in self._running if name != chapter]
        running = ", ".join(self._running)
        self._bars.update(self._task, description=running, total=self._total or None, completed=self._ended)


if __name__ == "__main__":
    app()
