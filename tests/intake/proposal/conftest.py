"""Folders of exports made of texts, and the proposal for them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest

from crmlib.client import load_client
from crmlib.intake import take_in
from crmlib.intake.proposal import Proposal, new_client
from crmlib.intake.proposal.suggestion import Suggested


@pytest.fixture(autouse=True)
def _key_from_the_environment(monkeypatch):
    monkeypatch.setenv("CRMLIB_VAULT_KEY", "5a" * 32)


@pytest.fixture
def propose_for(tmp_path) -> Callable[..., tuple[Path, Proposal]]:
    """Write files (name: text or bytes) and propose a client for them: the path of its YAML, and the proposal."""

    def make(files: dict[str, str | bytes], **settings: str) -> tuple[Path, Proposal]:
        folder = tmp_path / "exports"
        folder.mkdir(exist_ok=True)
        for name, content in files.items():
            (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        given = {"currency": "EUR", "timezone": "Europe/Berlin"} | settings
        return new_client(tmp_path / "client", [str(folder)], **given)

    return make


@pytest.fixture
def taken_in():
    """Take a written proposal in: the account by table."""

    def take(file: Path) -> dict:
        return take_in(load_client(file), file.parent / "w").account["tables"]

    return take


def sources(proposal: Proposal, table: str) -> list[Suggested]:
    """The sources of a table that are proposed and not commented out."""
    return [one for one in proposal.suggested if one.table == table and not one.off]


def filled(proposal: Proposal, table: str) -> dict:
    """What fills each column of a table's first source."""
    return {line.key: line.value for line in sources(proposal, table)[0].columns if not line.off}


def rows(header: str, count: int, line: Callable[[int], str]) -> str:
    """A CSV text with as many lines as wanted."""
    return "\n".join([header, *(line(n) for n in range(count))]) + "\n"


def day(n: int) -> str:
    """The n-th day of 2025."""
    return (dt.date(2025, 1, 1) + dt.timedelta(days=n)).isoformat()
