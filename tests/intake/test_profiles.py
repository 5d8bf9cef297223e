"""Every profile's fixture becomes contract tables without a hand-written column, and nobody's name stays in them."""

import shutil
from pathlib import Path

import duckdb
import pandas as pd
import pytest
import yaml

from crmlib.client import load_client
from crmlib.contract import TABLES
from crmlib.intake import take_in
from crmlib.intake.identities.pseudonyms import pseudonym
from crmlib.intake.identities.vault import Vault
from crmlib.intake.identities.vault_key import client_key
from crmlib.intake.profiles import FOLDER, load_profiles, to_confirm
from crmlib.words import Words

FIXTURES = Path(__file__).parent / "profiles"
SYSTEMS = sorted(folder.name for folder in FIXTURES.iterdir() if (folder / "client.yaml").is_file())


@pytest.fixture(scope="module", params=SYSTEMS)
def taken(request, tmp_path_factory):
    """A system's fixture, taken in: the folder of the fixture's copy, the client and the workspace."""
    folder = tmp_path_factory.mktemp(request.param) / request.param
    shutil.copytree(FIXTURES / request.param, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CRMLIB_VAULT_KEY", "5a" * 32)
        client = load_client(folder)
        yield folder, client, take_in(client, folder / "w")


def test_every_profile_has_a_fixture():
    assert sorted(load_profiles()) == SYSTEMS
    for system, profile in load_profiles().items():
        used = {one["profile"] for one in _sources(FIXTURES / system)}
        assert used == {f"{system}/{part}" for part in profile.objects}, system


def test_what_is_not_certain_is_said_and_nothing_else():
    uncertain = [f"{s}/{o}" for s, p in load_profiles().items() for o, part in p.objects.items() if not part.certain]
    assert [name for name in uncertain if to_confirm(name) is None] == []
    assert sorted(uncertain) == sorted(Words(FOLDER / "words.yaml").names("unsure"))


def test_the_fixture_names_files_and_profiles_only(taken):
    folder, _, _ = taken
    for source in _sources(folder):
        assert {"from", "profile"} <= set(source) <= {"from", "profile", "confirmed"}


def test_the_contract_tables_are_the_ones_written_by_hand(taken):
    folder, _, workspace = taken
    key = client_key(folder)
    expected = sorted((folder / "expected").glob("*.csv"))
    assert [file.stem for file in expected] == sorted(workspace.tables)
    for file in expected:
        table = TABLES[file.stem]
        wanted = pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8")
        wanted = wanted[sorted(column for column in wanted if (wanted[column] != "").any())]
        if "customer_id" in wanted:
            wanted["customer_id"] = [pseudonym(key, one) if one else "" for one in wanted.customer_id]
        found = _as_text(workspace.folder / f"{file.stem}.parquet", table)
        found = found[sorted(column for column in found if (found[column] != "").any())]
        assert list(found) == list(wanted), file.stem
        for column in wanted:
            if (column in table.names and table[column].kind in ("number", "whole")) or column.startswith("item_"):
                wanted[column] = [_number(one) for one in wanted[column]]
        order = list(wanted)
        pd.testing.assert_frame_equal(
            found.sort_values(order).reset_index(drop=True),
            wanted.sort_values(order).reset_index(drop=True),
            obj=file.stem,
        )


def test_the_account_adds_up_to_what_was_counted_by_hand(taken):
    folder, _, workspace = taken
    counted = yaml.safe_load((folder / "expected.yaml").read_text(encoding="utf-8"))
    for name, account in workspace.account["tables"].items():
        assert account["read"] == account["accepted"] + account["repaired"] + account["quarantined"], name
        assert sum(account["reasons"].values()) == account["quarantined"], name
        wanted = counted[name]
        for key in ("read", "accepted", "repaired"):
            assert account[key] == wanted[key], (name, key)
        assert account["reasons"] == (wanted.get("quarantined") or {}), name


def test_nobody_is_named_outside_of_the_vault(taken):
    folder, _, workspace = taken
    vault = Vault(folder, client_key(folder)).read("test")
    people = {
        value.strip()
        for column in ("name", "email", "phone", "address")
        if column in vault.column_names
        for value in vault[column].to_pylist()
        if value and len(value.strip()) > 1
    }
    written = "\n".join(
        [
            *(_everything(file) for file in workspace.folder.glob("*.parquet")),
            (workspace.folder / "account.json").read_text(encoding="utf-8"),
            (folder / ".crmlib" / "vault" / "access.log").read_text(encoding="utf-8"),
        ]
    )
    assert [person for person in people if person in written] == []


def _sources(folder):
    tables = yaml.safe_load((folder / "client.yaml").read_text(encoding="utf-8"))["tables"]
    return [one for sources in tables.values() for one in (sources if isinstance(sources, list) else [sources])]


def _as_text(file, table):
    """A Parquet table with times as UTC text, numbers as shortest text and empty cells as empty text."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    frame = connection.execute(f"SELECT * FROM '{file}'").df()
    made = {}
    for column in frame:
        kind = table[column].kind if column in table.names else "number"
        cells = frame[column]
        if kind == "time":
            made[column] = ["" if pd.isna(c) else pd.Timestamp(c).strftime("%Y-%m-%dT%H:%M:%SZ") for c in cells]
        elif kind == "date":
            made[column] = ["" if pd.isna(c) else pd.Timestamp(c).strftime("%Y-%m-%d") for c in cells]
        elif kind == "flag":
            made[column] = ["" if pd.isna(c) else str(bool(c)).lower() for c in cells]
        elif kind in ("number", "whole"):
            made[column] = ["" if pd.isna(c) else _number(c) for c in cells]
        else:
            made[column] = ["" if pd.isna(c) else str(c) for c in cells]
    return pd.DataFrame(made, dtype=str)


def _number(value):
    return f"{float(value):.10g}" if value != "" else ""


def _everything(file):
    rows = duckdb.connect().execute(f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM '{file}'").fetchall()
    return "\n".join(str(cell) for row in rows for cell in row)
