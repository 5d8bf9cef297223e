"""Which runs a client has: noted in the client's private folder, so that nothing of a person is left in one."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from crmlib.files import hold
from crmlib.intake.identities.private import PRIVATE, alone, private_folder, write_private
from crmlib.problems import Problem, UnusableInput
from crmlib.words import Words

_WORDS = Words(__file__)

RUNS = "runs.json"
RUN_PARTS = (
    *("workspace", ".work", "notebooks", "tables", "lists", "quarantine", "index.html", "intake.html", "intake.json"),
    *("briefing.json", "summary.md", "report.xlsx", "report.pdf", "manifest.json", ".lock"),
)
"""What a run's folder holds; anything else in it is somebody else's."""
_INTAKE, _AT_WORK = ".intake.lock", ".work.lock"
INTERRUPTED = ".workspace-"
"""How folders begin in which tables were made when the run was ended; they may hold the exports' rows."""


def made_by_a_run(name: str) -> bool:
    """Whether a file or folder of that name in a run's folder is the run's own.

    >>> [made_by_a_run(name) for name in ("index.html", ".workspace-reading-7", ".index.html.3f9a", "offer.docx")]
    [True, True, True, False]
    """
    half_written = tuple(f".{part}." for part in RUN_PARTS)
    return name in RUN_PARTS or name.startswith((INTERRUPTED, *half_written))


@contextmanager
def at_work(client_folder: Path) -> Iterator[None]:
    """Keep :func:`removing` off the client as long as this lasts; any number may be at work at once.

    Raises:
        UnusableInput: somebody is being removed, or the private folder cannot be written.
    """
    with _held(private_folder(client_folder), "removing", shared=True):
        yield


@contextmanager
def removing(client_folder: Path) -> Iterator[None]:
    """Have the client to oneself: no run, check or intake is at work on it.

    Raises:
        UnusableInput: somebody is at work.
    """
    private = client_folder / PRIVATE
    # Where there is no such folder, nobody has ever been at work; a link is somebody else's.
    with _held(private, "busy") if private.is_dir() and not private.is_symlink() else nullcontext():
        yield


@contextmanager
def taking_in(client_folder: Path, *, waits: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Wait until nobody else takes this client's data in: quarantine and vault are the client's, not a run's.

    ``waits`` is called where somebody else does.
    """
    with at_work(client_folder), alone(private_folder(client_folder), _INTAKE, waits=waits):
        yield


@contextmanager
def _held(folder: Path, otherwise: str, *, shared: bool = False) -> Iterator[None]:
    """Hold the folder itself: no file of a lock stays behind, and none is made by who only looks.

    Windows opens no folders: a file in it is held there.
    """
    flags = os.O_RDONLY if os.name == "posix" else os.O_RDWR | os.O_CREAT
    handle = os.open(folder if os.name == "posix" else folder / _AT_WORK, flags)
    try:
        try:
            hold(handle, wait=False, shared=shared)
        except BlockingIOError:
            raise UnusableInput([Problem.said(_WORDS, otherwise, str(folder.parent))]) from None
        yield
    finally:
        os.close(handle)


def register_run(client_folder: Path, run_folder: Path) -> None:
    """Note that a run of the client in ``client_folder`` writes to ``run_folder``; noted once, however often it runs.

    Raises:
        UnusableInput: the private folder cannot be written.
    """
    folder = private_folder(client_folder)
    with alone(folder):
        known = registered_runs(client_folder)
        run = run_folder.resolve()
        if run not in known:
            listed = [str(path) for path in (*known, run)]
            write_private(folder / RUNS, json.dumps(listed, indent=1, ensure_ascii=False).encode())


def registered_runs(client_folder: Path) -> list[Path]:
    """The folders of the client's runs, whether they are still there or not.

    Raises:
        UnusableInput: the list is damaged.
    """
    file = client_folder / PRIVATE / RUNS
    try:
        listed = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except (OSError, ValueError):
        listed = None
    if not isinstance(listed, list) or not all(isinstance(path, str) for path in listed):
        raise UnusableInput([Problem.said(_WORDS, "runs", str(file))])
    return [Path(path) for path in listed]
