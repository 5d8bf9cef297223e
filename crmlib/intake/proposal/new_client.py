"""Making a client's folder: private, kept out of version control, with the proposed client.yaml in it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from crmlib.intake.proposal.propose import Proposal, propose
from crmlib.problems import Problem, UnusableInput

CLIENT, PROPOSED = "client.yaml", "client.proposed.yaml"


def new_client(
    folder: Path,
    exports: Sequence[str],
    *,
    name: str = "",
    currency: str = "",
    timezone: str = "",
    language: str = "",
    again: bool = False,
) -> tuple[Path, Proposal]:
    """Write the proposal for exports into a client's folder, which only its owner can open; exports are not copied.

    Args:
        folder: made where it is not there, with a ``.gitignore`` that keeps all of it out of version control.
        exports: files, folders or globs.
        name, currency, timezone, language: as given; otherwise proposed, or left to be filled in.
        again: write ``client.proposed.yaml`` beside a client.yaml that is there.

    Returns:
        the file that was written, and the proposal.

    Raises:
        UnusableInput: a client.yaml is there already, a setting does not exist, no export can be read, or the folder
            cannot be written.
    """
    problems = [*_wrong_settings(name, currency, timezone, language), *_wrong_folder(folder, exports, again)]
    if problems:
        raise UnusableInput(problems)
    there = (folder / CLIENT).exists()
    file = PROPOSED if there else CLIENT
    proposal = propose(folder, exports, name=name, currency=currency, timezone=timezone, language=language, file=file)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.chmod(folder, 0o700)
        ignored = folder / ".gitignore"
        if not ignored.exists():
            ignored.write_text("*\n", encoding="utf-8")
        (folder / file).write_text(proposal.text, encoding="utf-8")
    except OSError as error:
        found = str(error.strerror).lower()
        raise UnusableInput([Problem(str(folder), found=found, expected="a folder", remedy="choose another")]) from None
    return folder / file, proposal


def _wrong_folder(folder: Path, exports: Sequence[str], again: bool) -> list[Problem]:
    home, whole = Path.home().resolve(), folder.resolve()
    if whole == home or whole in home.parents or (folder / ".git").exists():
        # The folder is closed to others and kept out of version control: not what is wanted of these.
        found = "the home folder, one above it, or a repository's own folder"
        return [Problem(str(folder), found=found, expected="a folder for this client alone", remedy="name a new one")]
    if folder.exists() and not folder.is_dir():
        return [Problem(str(folder), found="a file", expected="a folder, or nothing yet", remedy="choose another name")]
    if (folder / CLIENT).exists() and not again:
        found = "a client.yaml that is there already"
        remedy = f"add --again to write {PROPOSED} beside it"
        return [Problem(str(folder), found=found, expected="a folder without one", remedy=remedy)]
    if not exports:
        return [Problem("--from", found="nothing", expected="files or a folder", remedy="name the exports with --from")]
    return [
        Problem("--from", found=f"no file or folder {one!r}", expected="the exports", remedy="correct the path")
        for one in exports
        if not one or (not any(sign in one for sign in "*?[") and not Path(one).exists())
    ]


def _wrong_settings(name: str, currency: str, timezone: str, language: str) -> list[Problem]:
    from zoneinfo import available_timezones

    from babel.numbers import is_currency

    problems = []
    if currency and not is_currency(currency):
        remedy = "write CNY, USD, EUR or another"
        problems.append(Problem("--currency", found=repr(currency), expected="an ISO 4217 code", remedy=remedy))
    if timezone and timezone not in available_timezones():
        remedy = "write Asia/Shanghai, Europe/Berlin, UTC or another"
        problems.append(Problem("--timezone", found=repr(timezone), expected="an IANA time zone", remedy=remedy))
    if language not in ("", "en", "zh"):
        problems.append(Problem("--language", found=repr(language), expected="en or zh", remedy="choose one of them"))
    return problems
