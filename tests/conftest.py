"""What all tests share: the repository, small clients made of CSV texts, and finished runs."""

from __future__ import annotations

import os
import textwrap
from pathlib import Path

import pytest
from hypothesis import settings

from crmlib.client import Client, load_client

REPOSITORY = Path(__file__).resolve().parents[1]

# The same examples in every run: a commit passes or fails by what it changed. Other examples, to find more:
# HYPOTHESIS_PROFILE=other pytest
settings.register_profile("same", derandomize=True)
settings.register_profile("other", derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


@pytest.fixture(scope="session")
def repository() -> Path:
    """The checkout."""
    return REPOSITORY


@pytest.fixture(autouse=True, scope="session")
def own_configuration(tmp_path_factory):
    """Keys of the tests stay in the tests' folders, also those of programs that the tests start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("configuration")))
        patch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
        patch.delenv("CRMLIB_VAULT_KEY", raising=False)
        yield


@pytest.fixture
def make_client(tmp_path):
    """Write CSV texts and a client.yaml into a folder and open it: ``make_client(orders="…", settings="…")``."""

    def make(settings: str = "", *, folder: str = "client", **tables: str | bytes) -> Client:
        return load_client(write_client(tmp_path / folder, settings, **tables))

    return make


def write_client(folder: Path, settings: str = "", **tables: str | bytes) -> Path:
    """The path of a new client.yaml with one CSV per table beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in tables.items():
        raw = content if isinstance(content, bytes) else textwrap.dedent(content).lstrip().encode()
        (folder / f"{name}.csv").write_bytes(raw)
    settings = textwrap.dedent(settings)
    sources = "" if "tables:" in settings else "tables:\n" + "".join(f"  {n}: {{from: {n}.csv}}\n" for n in tables)
    defaults = {"name": "Test", "currency": "CNY", "timezone": "Asia/Shanghai", "customer_ids": "as they are"}
    head = "".join(f"{key}: {value}\n" for key, value in defaults.items() if f"{key}:" not in settings)
    file = folder / "client.yaml"
    file.write_text(head + settings + sources, encoding="utf-8")
    return file
