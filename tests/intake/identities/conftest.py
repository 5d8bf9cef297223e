"""Keys of the tests stay in the tests' folders."""

from __future__ import annotations

import keyring
import pytest
from keyring.backends.fail import Keyring as NoKeyring


@pytest.fixture(autouse=True)
def own_configuration(tmp_path, monkeypatch):
    """A computer of one's own: no key in the environment, no keyring, an empty configuration folder."""
    monkeypatch.delenv("CRMLIB_VAULT_KEY", raising=False)
    monkeypatch.setattr("platformdirs.user_config_dir", lambda *names, **more: str(tmp_path / "configuration"))
    before = keyring.get_keyring()
    keyring.set_keyring(NoKeyring())
    yield tmp_path / "configuration"
    keyring.set_keyring(before)
