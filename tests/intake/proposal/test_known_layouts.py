"""Files of known systems, the sample brand and a real export: recognised whole, and taken in as they were proposed."""

import shutil
from pathlib import Path

import pytest
import yaml

from crmlib.client import load_client
from crmlib.intake import take_in
from crmlib.intake.proposal import new_client, propose

from .conftest import filled

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[2]
FIXTURES = HERE.parent / "profiles"
SYSTEMS = sorted(file.parent.relative_to(FIXTURES).as_posix() for file in FIXTURES.rglob("client.yaml"))
RETAIL = REPOSITORY.parent / "shared" / "data" / "online_retail.csv.gz"


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_fixture_is_recognised_as_its_profile(system, tmp_path):
    folder = FIXTURES / system
    wanted = yaml.safe_load((folder / "client.yaml").read_text(encoding="utf-8"))
    named: dict[str, set[tuple[str, str]]] = {}
    for table, listed in wanted["tables"].items():
        for one in listed if isinstance(listed, list) else [listed]:
            for file in folder.glob(one["from"]):
                named.setdefault(file.name, set()).add((table, one["profile"]))
    exports = tmp_path / "exports"
    exports.mkdir()
    for name in named:
        shutil.copy(folder / name, exports)
    proposal = propose(tmp_path / "client", [str(exports)])
    found: dict[str, set[tuple[str, str]]] = {}
    for one in proposal.suggested:
        for path in one.export.paths if not one.off else ():
            for file in exports.glob(Path(path).name):
                found.setdefault(file.name, set()).add((one.table, one.profile))
    assert {name: named[name] - found.get(name, set()) for name in named} == {name: set() for name in named}
    assert {profile for taken in found.values() for _, profile in taken} == {
        profile for taken in named.values() for _, profile in taken
    }


@pytest.mark.parametrize("system", ["shopify", "taobao", "qualtrics", "fxiaoke"])
def test_a_proposal_by_profile_is_taken_in_as_it_was_written(system, tmp_path, monkeypatch):
    monkeypatch.setenv("CRMLIB_VAULT_KEY", "5a" * 32)
    wanted = yaml.safe_load((FIXTURES / system / "client.yaml").read_text(encoding="utf-8"))
    exports = tmp_path / "exports"
    unwanted = ("client.yaml", "expected*", "build.py", "export", "quarantine", ".crmlib")
    shutil.copytree(FIXTURES / system, exports, ignore=shutil.ignore_patterns(*unwanted))
    file, _ = new_client(tmp_path / "c", [str(exports)], currency=wanted["currency"], timezone=wanted["timezone"])
    file.write_text(file.read_text(encoding="utf-8") + "\nmax_set_aside: 0.9\n", encoding="utf-8")
    account = take_in(load_client(file), tmp_path / "w").account["tables"]
    assert set(account) == set(wanted["tables"])
    assert all(table["rows"] for table in account.values())


def test_of_two_profiles_that_fit_alike_the_second_is_commented_out_and_asked_about(tmp_path):
    proposal = propose(tmp_path / "c", [str(FIXTURES / "hubspot" / "deals.csv")], currency="EUR", timezone="UTC")
    assert {one.profile: one.off for one in proposal.suggested} == {
        "hubspot/deals": False,
        "hubspot/deals_by_stage": True,
    }
    assert proposal.decisions == [
        "deals.csv: the profile hubspot/deals is proposed, but hubspot/deals_by_stage would fit as well."
    ]
    assert "  #   profile: hubspot/deals_by_stage" in proposal.text


@pytest.fixture
def follow_ups(tmp_path):
    """A list of contacts with the headings of two systems."""
    file = tmp_path / "跟进.csv"
    text = "客户名称,跟进方式,跟进时间,互动方式,创建时间,内容\n甲,电话,2025-01-02,电话,2025-01-02,好\n"
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_a_layout_that_two_systems_share_is_asked_about(tmp_path, follow_ups):
    proposal = propose(tmp_path / "c", [follow_ups])
    assert {one.profile for one in proposal.suggested} == {"fxiaoke/active_records", "dingtalk/follow_records"}
    assert sorted(one.off for one in proposal.suggested) == [False, True]
    assert any("would fit as well" in said for said in proposal.decisions)


@pytest.mark.parametrize(
    ("system", "beside", "profile"),
    [("dingtalk", "客户.csv", "dingtalk/follow_records"), ("fxiaoke", "AccountObj.jsonl", "fxiaoke/active_records")],
)
def test_the_other_files_tell_which_of_two_systems_it_is(tmp_path, follow_ups, system, beside, profile):
    proposal = propose(tmp_path / "c", [follow_ups, str(FIXTURES / system / beside)])
    assert [one.profile for one in proposal.suggested if not one.off and one.table == "touches"] == [profile]


def test_the_sample_brand_is_recognised_by_the_contracts_own_names(tmp_path):
    sample = REPOSITORY / "data" / "aurora"
    wanted = yaml.safe_load((sample / "client.yaml").read_text(encoding="utf-8"))["tables"]
    exports = tmp_path / "exports"
    exports.mkdir()
    for one in wanted.values():
        shutil.copy(sample / one["from"], exports)
    proposal = propose(tmp_path / "c", [str(exports)], timezone="Asia/Shanghai")
    assert proposal.decisions == []
    tables = {one.table: one for one in proposal.suggested}
    assert {table: one.export.shown for table, one in tables.items()} == {t: o["from"] for t, o in wanted.items()}
    for one in tables.values():
        assert one.unused == []
        assert {line.key: line.value for line in one.columns} == {
            heading: heading for heading in one.export.headings if not heading.startswith("item_")
        }
    assert yaml.safe_load(proposal.text)["currency"] == "CNY"


@pytest.mark.skipif(not RETAIL.is_file(), reason="the shared data are not beside this checkout")
def test_a_real_export_goes_from_the_folder_to_the_tables_without_a_hand_written_line(tmp_path, monkeypatch):
    monkeypatch.setenv("CRMLIB_VAULT_KEY", "5a" * 32)
    file, proposal = new_client(tmp_path / "retail", [str(RETAIL)])
    assert filled(proposal, "orders")["amount"] == {"product": ["Quantity", "UnitPrice"]}
    client = load_client(file)
    assert (client.currency, client.timezone) == ("GBP", "Europe/London")
    rule = client.tables["orders"][0].cancellations
    assert rule is not None
    assert (rule.where, rule.match, rule.quantity) == ({"InvoiceNo": "C*"}, ["CustomerID", "StockCode"], "Quantity")
    codes = client.tables["order_lines"][0].not_products
    assert {"POST", "DOT", "M", "D", "S", "BANK CHARGES", "AMAZONFEE", "CRUK", "C2"} <= set(codes)
    assert not {"DCGSSBOY", "PADS"} & set(codes)
    account = take_in(client, tmp_path / "w").account["tables"]
    assert {name: table["read"] for name, table in account.items()} == dict.fromkeys(account, 541_909)
    assert account["order_lines"]["sums"]["quantity"]["read"] == 5_176_450
    assert account["order_lines"]["sums"]["amount"]["read"] == pytest.approx(9_747_747.934, abs=1e-6)
    assert account["customers"]["rows"] == 4_372
    assert account["orders"]["cancellations"]["rows"] == 9_288
    assert account["orders"]["cancellations"]["matched"] > 7_000
