"""Making a client's folder: private, kept out of version control, with the proposed client.yaml in it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from crmlib.intake.proposal.propose import Proposal, propose
from crmlib.problems import Problem, UnusableInput
from crmlib.words import Words

_WORDS = Words(__file__)

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
    problems = [*_wrong_settings(currency, timezone), *_wrong_folder(folder, exports, again)]
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
    except OSError:
        raise UnusableInput([Problem.said(_WORDS, "folder.closed", str(folder))]) from None
    return folder / file, proposal


def _wrong_folder(folder: Path, exports: Sequence[str], again: bool) -> list[Problem]:
    home, whole = Path.home().resolve(), folder.resolve()
    key = ""
    if whole == home or whole in home.parents or (folder / ".git").exists():
        # The folder is closed to others and kept out of version control: not what is wanted of these.
        key = "folder.home"
    elif folder.exists() and not folder.is_dir():
        key = "folder.file"
    elif (folder / CLIENT).exists() and not again:
        key = "folder.taken"
    if key:
        return [Problem.said(_WORDS, key, str(folder), file=PROPOSED)]
    if not exports:
        return [Problem.said(_WORDS, "exports.none", "--from")]
    return [
        Problem.said(_WORDS, "exports.not_there", "--from", path=one)
        for one in exports
        if not one or (not any(sign in one for sign in "*?[") and not Path(one).exists())
    ]


def _wrong_settings(currency: str, timezone: str) -> list[Problem]:
    from zoneinfo import available_timezones

    from babel.numbers import is_currency

    problems = []
    if currency and not is_currency(currency):
        problems.append(Problem.said(_WORDS, "currency", "--currency", value=currency))
    if timezone and timezone not in available_timezones():
        problems.append(Problem.said(_WORDS, "timezone", "--timezone", value=timezone))
    return problems
