"""``crmlib new``: the folder it makes, what it says, and what it refuses."""

import gzip
import re
import stat
import zipfile

import pytest
import yaml
from typer.testing import CliRunner

from crmlib.cli import app
from crmlib.client import load_client
from crmlib.problems import UnusableInput

ORDERS = "Order No,Order Date,Customer ID,Total\n1,2025-01-01,a,3.5\n2,2025-01-02,b,4\n3,2025-01-02,b,4\n"
CUSTOMERS = "Customer ID,Full Name,Gender\na,Ann Lee,f\nb,Bob Ray,m\n"


@pytest.fixture
def new(tmp_path, monkeypatch):
    """Run ``crmlib new`` in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        return CliRunner().invoke(app, ["new", *arguments])

    return run


@pytest.fixture
def exports(tmp_path):
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / "orders.csv").write_text(ORDERS)
    return folder


def test_the_folder_is_private_and_kept_out_of_version_control(new, exports, tmp_path):
    done = new("acme", "--from", "exports", "--currency", "CHF", "--timezone", "Europe/Zurich", "--name", "Acme AG")
    assert done.exit_code == 0, done.output
    folder = tmp_path / "acme"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (folder / ".gitignore").read_text() == "*\n"
    assert sorted(file.name for file in folder.iterdir()) == [".gitignore", "client.yaml"]
    client = load_client(folder)
    assert (client.name, client.currency, client.timezone) == ("Acme AG", "CHF", "Europe/Zurich")
    assert client.tables["orders"][0].source == "../exports/orders.csv"
    assert "crmlib check acme/client.yaml" in done.output


@pytest.mark.parametrize("folder", ["", "."])
def test_a_repository_is_neither_closed_to_others_nor_ignored_as_a_whole(new, exports, tmp_path, folder):
    (tmp_path / ".git").mkdir()
    tmp_path.chmod(0o755)
    done = new(folder, "--from", "exports")
    assert done.exit_code == 2
    assert "a repository's own folder" in done.stderr
    assert not (tmp_path / ".gitignore").exists()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_what_was_recognised_is_said_with_reasons(new, exports):
    done = new("acme", "--from", "exports/*.csv", "--currency", "EUR", "--timezone", "UTC")
    assert "orders.csv (3 rows) gives orders, customers" in done.output
    assert "ordered_at ← Order Date: heading 'Order Date' is like 'order date'; all 3 values are dates (100%)" in (
        done.output
    )
    assert re.findall(r"^ +\d+\. (\S+):", done.output.partition("To decide:")[2], re.M) == ["margin"]


def test_the_proposal_speaks_the_language_that_was_asked_for(new, exports, tmp_path):
    done = new("acme", "--from", "exports/*.csv", "--language", "zh")
    assert done.exit_code == 0
    written = (tmp_path / "acme" / "client.yaml").read_text(encoding="utf-8")
    assert "language: zh" in written
    for said in (done.output, written):
        assert "待确认" in said
        assert not re.search(r"\b(the|of|is|are|to|please)\b", said)


def test_an_existing_client_is_never_overwritten(new, exports, tmp_path):
    (tmp_path / "acme").mkdir()
    mine = tmp_path / "acme" / "client.yaml"
    mine.write_text("name: mine\n")
    refused = new("acme", "--from", "exports")
    assert refused.exit_code == 2
    assert "a client.yaml that is there already" in refused.stderr
    assert new("acme", "--from", "exports", "--again").exit_code == 0
    assert mine.read_text() == "name: mine\n"
    assert yaml.safe_load((tmp_path / "acme" / "client.proposed.yaml").read_text())["tables"]["orders"]


def test_an_unknown_currency_or_zone_is_left_to_be_filled_in_and_the_check_says_so(new, exports, tmp_path):
    done = new("acme", "--from", "exports")
    assert done.exit_code == 0
    assert "currency: the exports do not show it. Write it where FILL IN stands." in done.output
    with pytest.raises(UnusableInput) as unusable:
        load_client(tmp_path / "acme")
    assert [problem.expected for problem in unusable.value.problems] == [
        "an ISO 4217 code such as CNY, USD or EUR",
        "an IANA time zone such as Asia/Shanghai, Europe/Berlin or UTC",
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--from", "nowhere"), "no file or folder 'nowhere'"),
        (("--from", "exports", "--currency", "RMB"), "--currency: found 'RMB'"),
        (("--from", "exports", "--timezone", "Berlin"), "--timezone: found 'Berlin'"),
        (("--from", "exports", "--language", "de"), "--language: found 'de'"),
        (("--from", "empty"), "no file that can be read at empty"),
        (("--from", "*.parquet"), "no file that can be read at *.parquet"),
        (("--from", ""), "no file or folder ''"),
    ],
)
def test_what_cannot_be_done_is_said_in_words_and_nothing_is_made(new, exports, tmp_path, arguments, said):
    (tmp_path / "empty").mkdir()
    done = new("acme", *arguments)
    assert done.exit_code == 2
    assert said in done.stderr
    assert not (tmp_path / "acme").exists()


def test_junk_is_named_file_by_file(new, tmp_path):
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / "binary.csv").write_bytes(bytes(range(256)) * 20)
    (folder / "nothing.csv").write_bytes(b"")
    (folder / "cut.csv.gz").write_bytes(gzip.compress(ORDERS.encode())[:-12])
    (folder / "letters.csv").write_text("x,y,z\n1,2,3\n2,3,4\n")
    done = new("acme", "--from", "exports")
    assert done.exit_code == 0
    for name in ("binary.csv", "nothing.csv", "cut.csv.gz"):
        assert f"Cannot be read: {name}" in done.output
    assert "letters.csv: no table is recognised" in done.output
    with pytest.raises(UnusableInput, match="tables: 'FILL IN'; expected keys with values below it"):
        load_client(tmp_path / "acme")


def test_an_archive_with_tables_of_several_kinds_has_to_be_unpacked(new, tmp_path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("orders.csv", ORDERS)
        archive.writestr("customers.csv", CUSTOMERS)
    done = new("acme", "--from", "all.zip")
    assert "all.zip: it holds tables of several kinds. Unpack it" in done.output


def test_an_archive_of_one_kind_is_read_as_it_is(new, tmp_path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("orders_1.csv", ORDERS)
        archive.writestr("orders_2.csv", ORDERS.replace("\n1,", "\n11,"))
    done = new("acme", "--from", "all.zip", "--currency", "EUR", "--timezone", "UTC")
    assert "(6 rows) gives orders" in done.output
    assert load_client(tmp_path / "acme").tables["orders"][0].source == "../all.zip"
