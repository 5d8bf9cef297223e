"""All of a client is removed: vault, key, what was made from the exports, and the client's folder with them."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from crmlib.client import Client
from crmlib.intake.identities.forget import ASIDE, Report, Step
from crmlib.intake.identities.private import PRIVATE
from crmlib.intake.identities.runs import INTERRUPTED, made_by_a_run, registered_runs, removing
from crmlib.intake.identities.vault_key import forget_key, key_file, key_in_environment
from crmlib.intake.readers import find_files
from crmlib.problems import Problem, UnusableInput
from crmlib.settings import open_settings
from crmlib.words import Words

_WORDS = Words(__file__)


def purge(client: Client, *, keep_exports: bool = False) -> Report:
    """Remove all of a client: key, vault, workspaces, registered runs, quarantine, corrections, and the folder itself.

    Symbolic links are removed and never followed. Exports that lie outside the folder stay and are named.

    Args:
        client: the client.
        keep_exports: leave the client's folder with its exports and its YAML; only what the kit has made goes.

    Raises:
        UnusableInput: the folder is not a single client's: it has no ``client.yaml``, it holds other clients, or it is
            a repository's, the home folder or one above it; or a run is at work. Nothing was removed then.
    """
    return _alone(client, keep_exports=keep_exports, pretend=False)


def plan_purge(client: Client, *, keep_exports: bool = False) -> Report:
    """What :func:`purge` would remove; nothing is changed.

    Raises:
        UnusableInput: as :func:`purge`.
    """
    return _alone(client, keep_exports=keep_exports, pretend=True)


def _alone(client: Client, *, keep_exports: bool, pretend: bool) -> Report:
    problems = list(_refusals(client))
    if problems:
        raise UnusableInput(problems)
    with removing(client.folder):
        return _purged(client, keep_exports=keep_exports, pretend=pretend)


def _purged(client: Client, *, keep_exports: bool, pretend: bool) -> Report:
    folder = client.folder
    done: list[Step] = []
    remains = list(_outside(client))
    runs = registered_runs(folder)
    # The key goes first: without it the vault is unreadable, even in copies of it.
    removed = _planned_key(folder) if pretend else forget_key(folder)
    done += [Step(_WORDS.say("key.itself"), line) for line in removed]
    if (folder / PRIVATE / "vault" / "id").is_file():
        remains += key_in_environment()
    for run in runs:
        _remove_run(run, folder, done, remains, pretend=pretend)
    targets = [folder / name for name in (PRIVATE, *ASIDE)] if keep_exports else [folder]
    for target in targets:
        if target.exists() or target.is_symlink():
            _remove(target, done, remains, pretend=pretend)
    if keep_exports:
        remains.append(_WORDS.say("remains.as_wished", file=folder))
    remains.append(_WORDS.say("remains.copies"))
    return Report(tuple(done), tuple(remains))


def _refusals(client: Client) -> Iterator[Problem]:
    folder = client.folder

    def refused(key: str, **values: Any) -> Problem:
        return Problem.said(_WORDS, f"purge.{key}", str(folder), **values)

    if not (folder / "client.yaml").is_file():
        yield refused("no_client")
        return
    home = Path.home().resolve()
    resolved = folder.resolve()
    if resolved == home or resolved in home.parents or len(resolved.parts) <= 2:
        yield refused("home")
    if (folder / ".git").exists() or resolved == Path(__file__).resolve().parents[3]:
        yield refused("repository")
    if folder.is_symlink():
        yield refused("link")
    others = list(_other_clients(client))
    if others:
        yield refused("others", files=others)


def _other_clients(client: Client) -> Iterator[str]:
    for parent, folders, names in os.walk(client.folder, followlinks=False):
        folders[:] = [name for name in folders if name not in (PRIVATE, *ASIDE)]
        for name in sorted(names):
            file = Path(parent) / name
            if file in (client.path, client.folder / "client.yaml") or file.suffix not in (".yaml", ".yml"):
                continue
            if _is_client(file):
                yield str(file.relative_to(client.folder))


def _is_client(file: Path) -> bool:
    try:
        content = open_settings(file).content
    except UnusableInput:
        return file.name == "client.yaml"
    return {"tables", "currency"} <= set(map(str, content))


def _outside(client: Client) -> Iterator[str]:
    """Sources that do not lie in the client's folder."""
    for name, listed in client.tables.items():
        for source in listed:
            if source.database or source.query:
                yield _WORDS.say("remains.database", table=f"tables.{name}")
            patterns = [source.source, *(join.source for join in source.joins)]
            for file in (file for pattern in patterns if pattern for file in find_files(pattern, client.folder)):
                if not file.resolve().is_relative_to(client.folder.resolve()):
                    yield _WORDS.say("remains.outside", file=file)


def _planned_key(folder: Path) -> list[str]:
    file = folder / PRIVATE / "vault" / "id"
    if not file.is_file():
        return []
    kept = key_file(file.read_text(encoding="ascii", errors="replace").strip())
    if kept.is_file():
        return [_WORDS.say("removed.file", file=kept)]
    return [] if key_in_environment() else [_WORDS.say("removed.keyring")]


def _remove_run(run: Path, client_folder: Path, done: list[Step], remains: list[str], *, pretend: bool) -> None:
    """Remove a run's folder, or only the run's own parts where it holds other things too."""
    if run.is_symlink():
        remains.append(_WORDS.say("remains.link", file=run))
        return
    if not run.is_dir() or run.is_relative_to(client_folder):
        return
    names = sorted(path.name for path in run.iterdir())
    if not any(name in ("workspace", "manifest.json", ".work") or name.startswith(INTERRUPTED) for name in names):
        remains.append(_WORDS.say("remains.no_run", file=run))
        return
    foreign = [name for name in names if not made_by_a_run(name)]
    if not foreign and not client_folder.is_relative_to(run):
        _remove(run, done, remains, pretend=pretend)
        return
    for part in _certain_parts(run):
        _remove(part, done, remains, pretend=pretend)
    remains.append(_WORDS.say("remains.foreign", file=run, n=len(foreign)))


_BY_MANIFEST = ("workspace", "notebooks", "tables", "lists", "quarantine", "summary.md", "report.xlsx", "report.pdf")
"""Names that others use, too: they are the run's where its manifest says so."""


def _certain_parts(run: Path) -> list[Path]:
    """The parts of a run in a folder that others use too: the published files that its manifest names, and its own."""
    try:
        named = json.loads((run / "manifest.json").read_text(encoding="utf-8")).get("files", [])
    except (OSError, ValueError, AttributeError):
        named = []
    listed = [run / str(name) for name in named]
    inside = [p for p in listed if p.is_file() and p.resolve().is_relative_to(run.resolve())]
    whole = [run / "workspace"] if (run / "workspace" / "account.json").is_file() else []
    own = [part for part in sorted(run.iterdir()) if made_by_a_run(part.name) and part.name not in _BY_MANIFEST]
    return list(dict.fromkeys([*whole, *inside, *own]))


def _remove(target: Path, done: list[Step], remains: list[str], *, pretend: bool) -> None:
    """Remove a file, a link (not what it leads to) or a folder; what cannot be removed is said to remain."""
    try:
        if target.is_symlink() or target.is_file():
            if not pretend:
                target.unlink()
            done.append(Step(str(target), _WORDS.say("removed.whole")))
            return
        files = sum(len(names) for _, _, names in os.walk(target))
        if not pretend:
            shutil.rmtree(target)
        done.append(Step(str(target), _WORDS.say("removed.with_files", n=files)))
    except OSError:
        remains.append(_WORDS.say("remains.stuck", file=target))
