"""All of a client goes, nothing of anybody else."""

import shutil
from pathlib import Path

import pytest

from crmlib.client import load_client
from crmlib.intake.identities.private import private_folder
from crmlib.intake.identities.purge import plan_purge, purge
from crmlib.intake.identities.runs import register_run
from crmlib.intake.identities.vault_key import client_key
from crmlib.problems import UnusableInput
from tests.conftest import write_client

ORDERS = "order_id,ordered_at,amount\n1,2025-01-01,3\n"


@pytest.fixture
def client(tmp_path):
    opened = load_client(write_client(tmp_path / "clients" / "acme", orders=ORDERS))
    client_key(opened.folder)
    for name in ("quarantine", "corrected"):
        (opened.folder / name).mkdir()
        (opened.folder / name / "orders.csv").write_text("x")
    return opened


@pytest.fixture
def run(client, tmp_path):
    folder = tmp_path / "reports" / "acme"
    for name in ("workspace", "notebooks", "tables"):
        (folder / name).mkdir(parents=True)
        (folder / name / "a.csv").write_text("x")
    (folder / "workspace" / "account.json").write_text("{}")
    (folder / "manifest.json").write_text('{"files": ["index.html", "tables/a.csv", "../../clients/bolt/orders.csv"]}')
    (folder / "index.html").write_text("x")
    register_run(client.folder, folder)
    return folder


def files(folder):
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file() or p.is_symlink()}


def test_all_of_a_client_goes_and_nothing_of_another(client, run, tmp_path, own_configuration):
    other = load_client(write_client(tmp_path / "clients" / "bolt", orders=ORDERS))
    client_key(other.folder)
    kept = files(other.folder)
    assert len(list((own_configuration / "keys").iterdir())) == 2
    purge(client)
    assert not client.folder.exists()
    assert not run.exists()
    assert files(other.folder) == kept
    assert len(list((own_configuration / "keys").iterdir())) == 1
    assert client_key(other.folder).secret


def test_exports_stay_if_that_is_wished(client, run, own_configuration):
    report = purge(client, keep_exports=True)
    assert files(client.folder) == {"client.yaml", "orders.csv"}
    assert not run.exists()
    assert not list((own_configuration / "keys").iterdir())
    assert any("as you wished" in line for line in report.remains)


def test_a_plan_changes_nothing_and_says_the_same(client, run, tmp_path):
    before = files(tmp_path)
    planned = plan_purge(client)
    assert files(tmp_path) == before
    done = purge(client)
    assert [s.file for s in done.done] == [s.file for s in planned.done]
    assert {str(client.folder), str(run), "the key"} == {s.file for s in planned.done}


def test_exports_outside_the_folder_stay_and_are_named(tmp_path):
    (tmp_path / "elsewhere.csv").write_text(ORDERS)
    settings = "tables: {orders: {from: ../../elsewhere.csv}}\n"
    client = load_client(write_client(tmp_path / "clients" / "acme", settings))
    report = purge(client)
    assert (tmp_path / "elsewhere.csv").read_text() == ORDERS
    assert any("elsewhere.csv: an export outside" in line for line in report.remains)


def test_links_are_removed_and_never_followed(client, tmp_path):
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "notes.txt").write_text("x")
    (client.folder / "linked").symlink_to(tmp_path / "others")
    shutil.rmtree(client.folder / "quarantine")
    (client.folder / "quarantine").symlink_to(tmp_path / "others")
    purge(client, keep_exports=True)
    assert not (client.folder / "quarantine").is_symlink()
    assert (client.folder / "linked").is_symlink()
    purge(client)
    assert not client.folder.exists()
    assert (tmp_path / "others" / "notes.txt").read_text() == "x"


def test_a_private_folder_that_leads_elsewhere_is_not_followed(tmp_path):
    client = load_client(write_client(tmp_path / "clients" / "acme", orders=ORDERS))
    private_folder(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / ".crmlib" / "kept").write_text("x")
    (client.folder / ".crmlib").symlink_to(tmp_path / "elsewhere" / ".crmlib")
    purge(client, keep_exports=True)
    assert (tmp_path / "elsewhere" / ".crmlib" / "kept").exists()
    assert not (client.folder / ".crmlib").is_symlink()


def test_of_a_run_in_a_shared_folder_only_its_own_parts_go(client, run, tmp_path):
    other = write_client(tmp_path / "clients" / "bolt", orders=ORDERS).parent
    (run / "tax.ods").write_text("x")
    (run / "notebooks" / "mine.ipynb").write_text("x")
    report = purge(client)
    assert files(run) == {"tax.ods", "notebooks/a.csv", "notebooks/mine.ipynb"}
    assert (other / "orders.csv").exists()
    assert any(line.startswith(str(run)) for line in report.remains)


def test_a_folder_that_is_no_longer_a_run_is_not_touched(client, run):
    for name in ("workspace", "notebooks"):
        shutil.rmtree(run / name)
    (run / "manifest.json").unlink()
    purge(client)
    assert files(run) == {"index.html", "tables/a.csv"}


def assert_refused(client, match):
    before = files(client.folder)
    for asked in (plan_purge, purge):
        with pytest.raises(UnusableInput, match=match):
            asked(client)
    assert files(client.folder) == before


def test_a_repository_is_never_purged(client):
    (client.folder / ".git").mkdir()
    assert_refused(client, "the folder of a repository")


def test_the_home_folder_and_those_above_it_are_never_purged(client, monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: client.folder)
    assert_refused(client, "the home folder")
    monkeypatch.setattr(Path, "home", lambda: client.folder / "people" / "me")
    assert_refused(client, "the home folder")


@pytest.mark.parametrize("folder", ["/", "/tmp"])
def test_folders_of_the_system_are_never_purged(client, folder):
    """Asked of the rule alone: nothing may be tried on such a folder."""
    from crmlib.intake.identities import purge as module

    there = client.model_copy(update={"path": Path(folder) / "client.yaml"})
    assert list(module._refusals(there))


def test_a_folder_without_a_client_is_never_purged(client):
    (client.folder / "client.yaml").unlink()
    assert_refused(client, "no client.yaml")


@pytest.mark.parametrize("name", ["branch.yaml", "inner/client.yaml"])
def test_a_folder_with_other_clients_in_it_is_never_purged(client, name):
    (client.folder / "inner").mkdir()
    shutil.copy(client.path, client.folder / name)
    assert_refused(client, "other clients' configurations")


def test_other_yaml_files_are_no_clients(client):
    (client.folder / "kpis.yaml").write_text("reach: {unit: share}")
    purge(client)
    assert not client.folder.exists()


def test_a_key_in_the_environment_is_said_to_remain(client, monkeypatch):
    monkeypatch.setenv("CRMLIB_VAULT_KEY", "00" * 32)
    assert any("CRMLIB_VAULT_KEY" in line for line in purge(client).remains)


def test_what_an_interrupted_run_left_of_the_exports_goes_too(client, run):
    (run / ".workspace-reading-4194999").mkdir()
    (run / ".workspace-reading-4194999" / "unpacked.csv").write_text(ORDERS)
    purge(client)
    assert not run.exists()


def test_rows_that_only_an_interrupted_first_check_left_go_too(client, tmp_path):
    left = tmp_path / "reports" / "acme" / ".workspace-reading-4194999"
    left.mkdir(parents=True)
    (left / "unpacked.csv").write_text(ORDERS)
    register_run(client.folder, left.parent)
    purge(client)
    assert not left.exists()


def test_the_private_folder_is_kept_out_of_version_control(client):
    assert (client.folder / ".crmlib" / ".gitignore").read_text() == "*\n"
