"""Where a run writes: a folder of one client's, in which one run writes at a time, and that only its owner reads."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from crmlib.client import Client
from crmlib.files import hold
from crmlib.intake.identities.runs import RUN_PARTS, made_by_a_run, register_run
from crmlib.intake.readers import find_files
from crmlib.problems import Problem, UnusableInput
from crmlib.words import Words

_WORDS = Words(__file__)

_LOCK = ".lock"
"""Held by the run that writes; it also says whose the folder is."""
_NEVER_READABLE = ("workspace", ".work", _LOCK)


def run_folder(client: Client, output: str | Path | None) -> Path:
    """Where a run writes: ``output``, or ``reports/`` with the name of the client's folder (and of the YAML).

    Where a client in another folder of that name has its run there, the name of the folder above comes before.

    Raises:
        UnusableInput: the client's own files are in that folder, or that folder is among them.
    """
    folder = Path(output).resolve() if output else _own_folder(client)
    named = [one.source for sources in client.tables.values() for one in sources if one.source and not one.database]
    sources = [client.path, *(file.resolve() for name in named for file in find_files(name, client.folder))]
    wholes = [(client.folder / name).resolve() for name in named if (client.folder / name).is_dir()]
    if any(folder in source.parents for source in sources) or any(w == folder or w in folder.parents for w in wholes):
        raise UnusableInput([Problem.said(_WORDS, "folder.clients", str(folder))])
    return folder


def _own_folder(client: Client) -> Path:
    stem = client.path.stem
    name = client.folder.name if stem == "client" else f"{client.folder.name}-{stem}"
    above = list(reversed(client.folder.resolve().parts[1:-1]))
    names = ["-".join([*reversed(above[:further]), name]) for further in range(len(above) + 1)]
    folders = [Path("reports", one).resolve() for one in names]
    return next((one for one in folders if not _of_another(one, client)), folders[-1])


def _of_another(folder: Path, client: Client, *, chosen: bool = False) -> bool:
    """Whether the run of a client in another folder, who is still there, lies in ``folder``.

    A folder that was ``chosen`` may also be that of a client of the same name: of a copy, it is taken.
    """
    try:
        whose = json.loads((folder / _LOCK).read_text(encoding="utf-8"))
        path, name = Path(whose["client"]), whose["name"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    if path.parent == client.folder.resolve() or not path.is_file():
        return False
    return not (chosen and name == client.name)


@contextmanager
def writing_to(folder: Path, client: Client, *, readable: bool = False) -> Iterator[None]:
    """Have a run's folder to oneself as long as this lasts; what is written there only the owner reads.

    The folder is noted as the client's before anything is written: also of a run that is killed, everything must be
    found when a person is to be forgotten. ``readable``: in the end others may read what is published.

    Raises:
        UnusableInput: another run is writing there, it is another client's, or it cannot be written.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        before = os.umask(0o077)
    except OSError:
        raise UnusableInput([Problem.said(_WORDS, "folder.closed", str(folder))]) from None
    try:
        with _held(folder) as lock:
            if _of_another(folder, client, chosen=True):
                raise UnusableInput([Problem.said(_WORDS, "folder.anothers", str(folder))])
            register_run(client.folder, folder)
            _close(folder)
            lock.seek(0)
            lock.truncate()
            lock.write(json.dumps({"client": str(client.path.resolve()), "name": client.name}))
            lock.flush()
            yield
            if readable:
                _open(folder)
    finally:
        os.umask(before)


@contextmanager
def _held(folder: Path) -> Iterator[TextIO]:
    try:
        folder.mkdir(exist_ok=True)
        lock = (folder / _LOCK).open("a+", encoding="utf-8")
    except OSError:
        raise UnusableInput([Problem.said(_WORDS, "folder.closed", str(folder))]) from None
    with lock:
        try:
            hold(lock, wait=False)
        except OSError:
            raise UnusableInput([Problem.said(_WORDS, "folder.in_use", str(folder))]) from None
        yield lock


def _close(folder: Path) -> None:
    """Let nobody else into what earlier runs have left open; a folder with other things in it stays as it is."""
    names = os.listdir(folder)
    own = [folder / name for name in names if made_by_a_run(name)]
    for path in own if len(own) < len(names) else [folder, *own]:
        _change(path, 0o700 if path.is_dir() else 0o600)


def _open(folder: Path) -> None:
    """Let others read what is published: neither the tables nor the chapters' work."""
    published = [path for path in folder.iterdir() if path.name in RUN_PARTS and path.name not in _NEVER_READABLE]
    inside = [path for part in published for path in part.rglob("*")]
    for path in [folder, *published, *inside]:
        _change(path, (0o755 if path.is_dir() else 0o644) | path.stat().st_mode & 0o777)


def _change(path: Path, mode: int) -> None:
    # In a folder that several people share, what others own stays as they have it.
    with suppress(PermissionError):
        if not path.is_symlink():
            path.chmod(mode)
