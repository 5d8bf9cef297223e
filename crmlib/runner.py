"""Running the chapters on a client's data: one process per chapter, whole files or none, resumable."""

from __future__ import annotations

import functools
import hashlib
import importlib
import json
import multiprocessing
import os
import platform
import shutil
import signal
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import crmlib
from crmlib.chapter import RUN
from crmlib.chapter.sections import for_client, needed
from crmlib.chapters import ChapterFile, chapter_files
from crmlib.client import Client, load_client, speak
from crmlib.files import no_room, replacing, short_folder, write_whole
from crmlib.intake import Workspace, take_in
from crmlib.intake.identities.private import room_for
from crmlib.intake.identities.runs import at_work
from crmlib.kernel import KernelInWaiting, manager_of, with_own_settings
from crmlib.problems import Problem, UnusableInput, nearest
from crmlib.reaching import failure_in_words, reached
from crmlib.run import ChapterRun, Run
from crmlib.run_folder import run_folder, writing_to
from crmlib.words import Words, use, voice

_WORDS = Words(__file__)

CELL_TIMEOUT = 600
_NO_ROOM = 74
"""The code with which a chapter's process ends that cannot even write why: an error of input or output."""
_OWN_PARAMETERS = ("client", "run")
_NOT_THE_CHAPTERS = ("tables", "parameters", "path", "language", "max_set_aside", "logo", "colour")
"""Settings that change nothing in what a chapter says."""
_SHARED_PARAMETERS = ("03_segmentation", "04_clv")
"""Chapters whose parameters other chapters read, too."""
_PUBLIC = ("notebooks", "tables", "lists", "report.xlsx", "summary.md", "report.pdf")
"""What a run puts where readers look, and takes away when it has no more of it."""
_PACKAGES = (
    "duckdb",
    "ibis-framework",
    "numpy",
    "pandas",
    "papermill",
    "scipy",
    "scikit-learn",
    "statsmodels",
)


Progress = Callable[[str, str, float], None]


def run(
    client_file: str | Path,
    *,
    output: str | Path | None = None,
    language: str = "",
    chapters: Sequence[str] = (),
    workers: int | None = None,
    cell_timeout: int = CELL_TIMEOUT,
    notebooks: Path | None = None,
    progress: Progress = lambda chapter, state, seconds: None,
    since: Path | None = None,
    pdf: bool = False,
    readable: bool = False,
    waits: Callable[[], None] = lambda: None,
) -> Run:
    """Take in a client's data, run the chapters that the data suffice for, and write the report.

    Chapters that an earlier, perhaps interrupted, run in the same folder has finished on the same inputs are used
    again. ``progress`` is told of each chapter ``started``, ``done``, ``reused``, ``failed`` or ``left out``, and
    before that of all that will be run that they are ``waiting``.

    Args:
        client_file: path of the client's YAML.
        output: the run's folder; by default ``reports/<folder of the YAML>`` below the working directory.
        language: ``en`` or ``zh``; by default the client's.
        chapters: only these, by name or number (``03``); by default all.
        workers: how many chapters at once; by default as many as there are cores.
        cell_timeout: seconds that a single cell may take.
        notebooks: folder of the chapters; by default the kit's own.
        since: folder of an earlier run, with whose briefing this one is compared; by default what its own folder holds.
        pdf: print the page, too, where there is a browser; a run's ``notes`` say why there is no paper.
        waits: called where another intake of the client has to be waited for.
        readable: let other users of the computer read the report, which otherwise only its owner can.

    Raises:
        UnusableInput: the configuration, the parameters or the data cannot be used and nothing was run; somebody else
            writes there or removes people of this client; or the disk is full, and what is done is kept.
    """
    speak(client_file, language)
    client = load_client(client_file)
    use(language or client.language, client.currency)
    files = _chosen(chapter_files(notebooks), chapters)
    check_settings(client, chapter_files(notebooks))
    folder = run_folder(client, output)
    with room_for(folder), at_work(client.folder), writing_to(folder, client, readable=readable):
        speaks = voice().language
        with reached(client, folder / ".work") as engine:
            return _run(client, files, folder, speaks, engine, workers, cell_timeout, progress, since, pdf, waits)


def _run(
    client: Client,
    files: Sequence[ChapterFile],
    folder: Path,
    language: str,
    engine: str,
    workers: int | None,
    cell_timeout: int,
    progress: Progress,
    since: Path | None,
    pdf: bool,
    waits: Callable[[], None],
) -> Run:
    from crmlib.report import write_briefing
    from crmlib.report.changed import earlier_briefing
    from crmlib.report.forms import PAPER, write_forms
    from crmlib.report.forms.lists import write_lists
    from crmlib.report.forms.printed import print_page
    from crmlib.report.intake import write_intake

    began = time.monotonic()
    workspace = take_in(client, folder / "workspace", engine=engine, waits=waits)
    check_tables(client, files, workspace)
    before = earlier_briefing(Run(folder, client, language, workspace, (), 0.0), since)
    jobs, results = [], {}
    for file in files:
        why = file.why_not(workspace.account["tables"])
        if why:
            results[file.name] = ChapterRun(file, "left out", why=why)
            progress(file.name, "left out", 0.0)
            continue
        jobs.append(_job(file, client, language, workspace, folder, cell_timeout))
        progress(file.name, "waiting", 0.0)
    results |= _run_jobs(jobs, workers or os.cpu_count() or 1, progress)
    account = workspace.account["tables"]
    finished = tuple(replace(results[file.name], thinner=tuple(file.thinner(account))) for file in files)
    done = Run(folder, client, language, workspace, finished, time.monotonic() - began)
    made = [*_publish(done), *write_lists(done), folder / "index.html"]
    content = write_briefing(done, folder / "index.html", before=before)
    made += write_forms(done, content)
    write_intake(client, workspace.account, files, folder)
    why_no_paper = print_page(folder / "index.html", folder / PAPER) if pdf else ""
    if pdf and not why_no_paper:
        made.append(folder / PAPER)
    _clear(folder, made)
    notes = (why_no_paper,) if why_no_paper else ()
    story = content["story"]
    seconds = time.monotonic() - began
    done = replace(done, seconds=seconds, headline=story.headline, notes=notes, is_empty=story.is_empty)
    _write_manifest(done, made)
    return done


def _chosen(files: Sequence[ChapterFile], wanted: Sequence[str]) -> list[ChapterFile]:
    names = [file.name for file in files]
    problems = [
        Problem.said(_WORDS, "chapter", "--chapter", name=name, nearest=nearest(name, names))
        for name in wanted
        if not any(file.name == name or file.name.startswith(f"{name}_") for file in files)
    ]
    if problems:
        raise UnusableInput(problems)
    return [f for f in files if not wanted or any(f.name == name or f.name.startswith(f"{name}_") for name in wanted)]


def check_settings(client: Client, files: Sequence[ChapterFile]) -> None:
    """Check parameters against the chapters, and let each chapter check what it reads of the client's settings.

    A chapter does so with ``check_settings(client, parameters) -> list[Problem]`` in the module ``settings`` of its
    package: ``crmlib.lifecycle.scorecard.settings`` for ``13_scorecard``.

    Raises:
        UnusableInput: with every unknown name and wrong type, and every problem that a chapter has found.
    """
    problems = _wrong_parameters(client, files) + _checked(client, files, "check_settings")
    if problems:
        raise UnusableInput(problems)


def check_tables(client: Client, files: Sequence[ChapterFile], workspace: Workspace) -> None:
    """Let each chapter that can run hold the client's settings against the tables that were taken in.

    A chapter does so with ``check_tables(client, parameters, tables) -> list[Problem]`` beside its ``check_settings``.

    Raises:
        UnusableInput: with every problem that a chapter has found.
    """
    able = [file for file in files if not file.why_not(workspace.account["tables"])]
    if problems := _checked(client, able, "check_tables", workspace):
        raise UnusableInput(problems)


def _checked(client: Client, files: Sequence[ChapterFile], name: str, *more: Any) -> list[Problem]:
    """What the chapters' functions of this name find."""
    problems = []
    for file in files:
        room = file.name.partition("_")[2]
        if (Path(__file__).parent / "lifecycle" / room / "settings.py").is_file():
            check = getattr(importlib.import_module(f"crmlib.lifecycle.{room}.settings"), name, None)
            own = client.parameters.get(file.name, {})
            found = check(client, own, *more) if check else []
            problems += [_of_parameter(one, client, file.name, own) for one in found]
    return problems


def _of_parameter(problem: Problem, client: Client, chapter: str, own: dict[str, Any]) -> Problem:
    """What is wrong with a file that a parameter names, under the name that it has in the client's YAML."""
    for key, value in own.items():
        at = client.beside(value) if isinstance(value, str) else None
        if at is not None and problem.file == str(at):
            if not at.exists():
                place = ".".join(("parameters", chapter, key))
                return Problem.said(
                    _WORDS, "parameter.file", client.path.name, place, path=value, folder=client.folder.name
                )
            return replace(problem, file=value)
    return problem


def _wrong_parameters(client: Client, files: Sequence[ChapterFile]) -> list[Problem]:
    known = {file.name: file.parameters for file in files}
    problems = []

    def wrong(key: str, *place: str, **values: Any) -> None:
        problems.append(Problem.said(_WORDS, key, client.path.name, ".".join(("parameters", *place)), **values))

    for name, given in client.parameters.items():
        if name not in known:
            wrong("chapter", name=name, nearest=nearest(name, list(known)))
            continue
        own = {key: value for key, value in known[name].items() if key not in _OWN_PARAMETERS}
        for key, value in given.items():
            if not own:
                wrong("parameter.none", name, name=key)
            elif key not in own:
                wrong("parameter.unknown", name, name=key, nearest=nearest(key, list(own)))
            elif not _same_type(value, own[key]):
                wrong("parameter.type", name, key, value=repr(value), like=repr(own[key]))
    return problems


def _same_type(value: Any, default: Any) -> bool:
    if default is None:
        return True
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, float):
        return isinstance(value, int | float)
    return isinstance(value, type(default))


@dataclass(frozen=True)
class _Job:
    file: ChapterFile
    folder: Path
    content: dict[str, Any]
    settings: dict[str, str]
    parameters: dict[str, Any]
    inputs: dict[str, str]
    cell_timeout: int

    @property
    def name(self) -> str:
        return self.file.name

    @property
    def notebook(self) -> Path:
        return self.folder / f"{self.name}.ipynb"

    @property
    def source(self) -> Path:
        """The chapter as this client's data allow it, before it is run."""
        return self.folder / f"{self.name}.source.ipynb"

    @property
    def running(self) -> Path:
        """The notebook as far as it has come."""
        return self.folder / f"{self.name}.running.ipynb"

    @property
    def outcome_file(self) -> Path:
        return self.folder / "outcome.json"

    @property
    def log(self) -> Path:
        """What the processes that run the chapter say of themselves."""
        return self.folder / f"{self.name}.log"

    def outcome(self) -> dict[str, Any] | None:
        """How this job ended, now or in an earlier run of exactly the same; None if nobody has written it down."""
        found = self.latest()
        return found if found and found["inputs"] == self.inputs else None

    def latest(self) -> dict[str, Any] | None:
        """How the chapter ended here last time, whatever it was made of; None if nobody has written it down."""
        try:
            found = json.loads(self.outcome_file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found if isinstance(found.get("inputs"), dict) else None

    def changed(self) -> tuple[str, ...]:
        """What is not as it was when the chapter ran here last time; empty if it never has."""
        found = self.latest()
        if found is None:
            return ()
        names = sorted({*self.inputs, *found["inputs"]}, key=[*self.inputs, *found["inputs"]].index)
        changed = tuple(name for name in names if self.inputs.get(name) != found["inputs"].get(name))
        return changed or ("unfinished",)

    @property
    def length(self) -> float:
        """How long the chapter may take: as long as last time, or before that, the longer the more cells it has."""
        found = self.latest()
        return found["seconds"] if found else sum(cell["cell_type"] == "code" for cell in self.content["cells"])


def _job(
    file: ChapterFile, client: Client, language: str, workspace: Workspace, folder: Path, cell_timeout: int
) -> _Job:
    own = client.parameters.get(file.name, {})
    account = workspace.account["tables"]
    content = json.loads(file.path.read_text(encoding="utf-8"))
    tagged = {need.split(".")[0] for cell in content["cells"] for need in needed(cell)}
    seen = {t: account[t]["checksum"] for t in sorted({*file.reads, *tagged}) if t in account}
    settings = client.model_dump_json(exclude=set(_NOT_THE_CHAPTERS))
    content = for_client(content, workspace.has)
    sources = [cell["source"] for cell in content["cells"]]
    # One setting may serve two chapters: the rules of 03 also draw the line of silence in 13, and what 04 is told of
    # its model holds for the values of 13.
    own_and_shared = {"own": own, "shared": {name: client.parameters.get(name, {}) for name in _SHARED_PARAMETERS}}
    usual = {name: value for name, value in file.parameters.items() if name not in _OWN_PARAMETERS}
    given = [usual, *client.parameters.values()]
    named = [client.beside(value) for one in given for value in one.values() if isinstance(value, str)]
    files = [hashlib.sha256(at.read_bytes()).hexdigest() for at in named if at and at.is_file()]
    inputs = {
        **seen,
        "as_of": workspace.account["as_of"],
        "settings": _digest([settings, own_and_shared, files]),
        "chapter": _digest(sources),
        "language": language,
        "code": _code_fingerprint(),
    }
    job_folder = folder / ".work" / file.name
    run_settings = {"workspace": str(workspace.folder), "language": language, "engine": workspace.engine}
    parameters = {"client": str(client.path), "run": str(job_folder), **own}
    return _Job(file, job_folder, content, run_settings, parameters, inputs, cell_timeout)


def _digest(values: Any) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


@functools.cache
def _code_fingerprint() -> str:
    package = Path(__file__).parent
    digest = hashlib.sha256()
    for part in sorted(p for p in package.rglob("*") if p.suffix in (".py", ".yaml", ".mo")):
        if part.relative_to(package).parts[0] not in ("report", "cli.py", "sample", "course", "_notebooks"):
            digest.update(part.read_bytes())
    return digest.hexdigest()


def _run_jobs(jobs: Sequence[_Job], workers: int, progress: Progress) -> dict[str, ChapterRun]:
    results = {}
    waiting = []
    for job in jobs:
        earlier = job.outcome()
        if earlier and earlier["status"] == "done" and job.notebook.is_file():
            results[job.name] = ChapterRun(
                job.file, "done", seconds=earlier["seconds"], reused=True, notebook=job.notebook
            )
            progress(job.name, "reused", earlier["seconds"])
        else:
            waiting.append(job)
    if not waiting:
        return results
    changed = {job.name: job.changed() for job in waiting}
    # The longest first: whoever comes last would else work alone, with the other cores idle.
    waiting.sort(key=lambda job: -job.length)
    # The server of forks is spoken to over a socket among the temporary files, whose path must not be too long.
    forking = os.name == "posix" and short_folder() == tempfile.gettempdir()
    context = multiprocessing.get_context("forkserver" if forking else "spawn")
    if forking:
        _start_server_of_forks(context, waiting)
    processes: dict[str, Any] = {}
    with ThreadPoolExecutor(max_workers=max(1, min(workers, len(waiting)))) as pool:
        futures: dict[Future[ChapterRun], _Job] = {
            pool.submit(_run_job, job, context, processes, progress): job for job in waiting
        }
        try:
            for future in as_completed(futures):
                result = replace(future.result(), changed=changed[futures[future].name])
                results[result.file.name] = result
                progress(result.file.name, result.status, result.seconds)
        except BaseException:
            for future in futures:
                future.cancel()
            for process in list(processes.values()):
                process.terminate()
            raise
    return results


def _start_server_of_forks(context: Any, jobs: Sequence[_Job]) -> None:
    """Load once what the chapters' processes and their kernels, which are copies of that server, would load each."""
    from multiprocessing.forkserver import ensure_running

    rooms = [f"crmlib.lifecycle.{job.name.partition('_')[2]}" for job in jobs]
    context.set_forkserver_preload(["crmlib.loaded", *rooms])
    # What is loaded is what this process would load, set up as kernels are; nothing lies in the working directory.
    own = with_own_settings(os.environ, tempfile.gettempdir())
    before = dict(os.environ)
    os.environ.update({"OMP_NUM_THREADS": "1", **own, "PYTHONSAFEPATH": "1"})
    try:
        ensure_running()
    finally:
        os.environ.clear()
        os.environ.update(before)


def _run_job(job: _Job, context: Any, processes: dict[str, Any], progress: Progress) -> ChapterRun:
    progress(job.name, "started", 0.0)
    shutil.rmtree(job.folder, ignore_errors=True)
    job.folder.mkdir(parents=True)
    (job.folder / RUN).write_text(json.dumps(job.settings), encoding="utf-8")
    job.source.write_text(json.dumps(job.content), encoding="utf-8")
    began = time.monotonic()
    process = context.Process(target=_execute, args=(job, context.get_start_method() == "forkserver"))
    process.start()
    processes[job.name] = process
    process.join()
    processes.pop(job.name, None)
    seconds = time.monotonic() - began
    outcome = job.outcome()
    notebook = job.notebook if job.notebook.is_file() else None
    if outcome is None:
        return ChapterRun(job.file, "failed", seconds, why=_ended(job, process.exitcode), notebook=notebook)
    return ChapterRun(job.file, outcome["status"], seconds, why=outcome["why"], notebook=notebook)


def _ended(job: _Job, code: int | None) -> str:
    """Why a chapter's process ended before it could say how."""
    if code == _NO_ROOM:
        return _WORDS.say("chapter.no_room")
    try:
        lines = job.log.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        lines = []
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return _WORDS.say("chapter.ended_saying" if last else "chapter.ended", code=str(code), said=last)


def _execute(job: _Job, forked: bool) -> None:
    """In a process of its own: run one notebook and write down how it ended."""
    if os.name == "posix":
        os.setsid()  # Ctrl-C is for the run, which ends its chapters itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    began = time.monotonic()
    try:
        with job.log.open("w") as log:
            os.dup2(log.fileno(), 2)
        kernel = KernelInWaiting() if forked else None
        _end_with_parent()
        use(job.settings["language"])
        status, why = _executed(job, kernel)
        if job.running.exists():
            os.replace(job.running, job.notebook)
        outcome = {
            "inputs": job.inputs,
            "status": status,
            "why": why,
            "seconds": round(time.monotonic() - began, 2),
        }
        write_whole(job.outcome_file, json.dumps(outcome))
    except OSError as error:
        if not no_room(error):
            raise
        os._exit(_NO_ROOM)


def _executed(job: _Job, kernel: KernelInWaiting | None) -> tuple[str, str]:
    """Run the notebook in a kernel of this interpreter; how it ended, and why if it failed."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    import logging
    import warnings

    warnings.simplefilter("ignore")
    try:
        import papermill
        from papermill.exceptions import PapermillExecutionError

        logging.getLogger("papermill").setLevel(logging.ERROR)
        with tempfile.TemporaryDirectory(prefix="crm", dir=short_folder()) as private:
            own = with_own_settings(os.environ, private)
            os.environ.clear()
            os.environ.update(own)
            try:
                papermill.execute_notebook(
                    _as_it_is(job.source),
                    _as_it_is(job.running),
                    parameters=job.parameters,
                    kernel_name="python3",
                    cwd=str(job.file.path.parent),
                    execution_timeout=job.cell_timeout,
                    progress_bar=False,
                    engine_name=_engine(),
                    **_private_sockets(private, kernel),
                )
            except PapermillExecutionError as error:
                traceback.print_exc()  # into the chapter's log
                return "failed", _in_words(error, job)
    except Exception as error:
        if no_room(error):
            raise
        traceback.print_exc()
        return "failed", _not_run(error, job)
    return "done", ""


def _as_it_is(path: Path) -> str:
    """A path in which papermill fills in nothing: it takes what stands between braces for a parameter."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _engine() -> str:
    """The name of an engine of papermill's that writes the notebook once, at its end, however that comes.

    Papermill itself writes it twice for every cell, which takes as long as a cell does, and nobody looks.
    """
    from papermill.engines import NBClientEngine, papermill_engines
    from papermill.iorw import write_ipynb

    class AtTheEnd(NBClientEngine):
        @classmethod
        def execute_notebook(cls, nb: Any, kernel_name: str, output_path: str | None = None, **settings: Any) -> Any:
            try:
                return super().execute_notebook(nb, kernel_name, **settings)
            finally:
                write_ipynb(nb, output_path)

    papermill_engines.register("at the end", AtTheEnd)
    return "at the end"


def _private_sockets(folder: str, kernel: KernelInWaiting | None) -> dict[str, Any]:
    """Let the kernel be spoken to over sockets in a private folder: no port to race for, nothing on the network."""
    if os.name != "posix" or short_folder() is None:
        return {}
    return {"kernel_manager_class": manager_of(kernel, os.path.join(folder, "socket"))}


def _end_with_parent() -> None:
    """Let this process not outlive the run that started it, however that run ended."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _in_words(error: Any, job: _Job) -> str:
    """Why a cell has stopped: what a person can mend as it was said, else in which section and where to look."""
    if error.ename == UnusableInput.__name__:
        return str(error.evalue).strip()
    if of_engine := failure_in_words(str(error.ename), str(error.evalue)):
        return of_engine
    section = ""
    for cell in job.content["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            section = next((line[3:] for line in source.splitlines()[::-1] if line.startswith("## ")), section)
        elif source.strip() == str(error.source).strip():
            break
    return _WORDS.say("chapter.cell_failed", section=section or job.file.title, notebook=f"notebooks/{job.name}.ipynb")


def _not_run(error: Exception, job: _Job) -> str:
    """Why a chapter has stopped outside of its cells: it took too long, its process died, or something else."""
    said = ": ".join([type(error).__name__, *str(error).strip().splitlines()[:1]])
    values = {
        "seconds": job.cell_timeout,
        "said": said,
        "log": job.log.relative_to(job.folder.parent.parent).as_posix(),
    }
    kind = {"CellTimeoutError": "too_long", "DeadKernelError": "died"}.get(type(error).__name__, "not_run")
    return _WORDS.say(f"chapter.{kind}", values)


def _publish(done: Run) -> list[Path]:
    """Put the finished chapters' notebooks, tables and lists where readers look, each whole; answer the files."""
    wanted = _wanted(done)
    for target, source in wanted.items():
        target.parent.mkdir(exist_ok=True)
        with replacing(target) as staged:
            shutil.copyfile(source, staged)
    for name in _published(done.folder):
        if name.startswith(("lists/", "tables/")) and name.endswith(".csv") and done.folder / name not in wanted:
            (done.folder / name).unlink(missing_ok=True)  # the page speaks of no table that no chapter has made
    return list(wanted)


def _clear(folder: Path, made: Sequence[Path]) -> None:
    """Leave nothing of an earlier run beside what this one has made."""
    for name in _published(folder):
        if folder / name not in made:
            (folder / name).unlink(missing_ok=True)


def _wanted(done: Run) -> dict[Path, Path]:
    """What readers look at, and where it comes from: the notebooks, and the tables and lists of finished chapters."""
    wanted: dict[Path, Path] = {}
    for chapter in done.chapters:
        if chapter.notebook is None or not chapter.notebook.exists():
            continue
        wanted[done.folder / "notebooks" / chapter.notebook.name] = chapter.notebook
        if chapter.status == "done":
            for kind in ("tables", "lists"):
                for table in sorted((chapter.notebook.parent / kind).glob("*.csv")):
                    wanted[done.folder / kind / table.name] = table
    return wanted


def _published(folder: Path) -> list[str]:
    """The files that an earlier run put into the folder, by its manifest."""
    try:
        names = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["files"]
        return [name for name in names if Path(name).parts[0] in _PUBLIC and ".." not in name]
    except (OSError, ValueError, KeyError):
        return []


def _write_manifest(done: Run, made: Sequence[Path]) -> None:
    files = sorted(made)
    manifest = {
        "crmlib": crmlib.__version__,
        "python": platform.python_version(),
        "packages": {name: metadata.version(name) for name in _PACKAGES},
        "client": done.client.name,
        "language": done.language,
        "as_of": done.workspace.account["as_of"],
        "first_day": done.workspace.account["first_day"],
        "last_day": done.workspace.account["last_day"],
        "finished_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "seconds": round(done.seconds, 2),
        "tables": done.workspace.account["tables"],
        "chapters": [
            {
                "name": chapter.file.name,
                "status": chapter.status,
                "seconds": round(chapter.seconds, 2),
                "reused": chapter.reused,
                "changed": list(chapter.changed),
                "why": chapter.why,
                "runs_thinner_without": list(chapter.thinner),
            }
            for chapter in done.chapters
        ],
        "files": {p.relative_to(done.folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files},
    }
    write_whole(done.folder / "manifest.json", json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")
