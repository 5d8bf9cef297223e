"""``crmlib check``, ``forget`` and ``purge`` as a consultant meets them: output, questions and exit codes."""

import re

import pytest
from typer.testing import CliRunner

from crmlib.cli import app
from tests.conftest import write_client

CUSTOMERS = "customer_id,name,email\nKD-88001,Dora Quisling,dora@x.example\nKD-88002,Carl Wroblewska,carl@x.example\n"
ORDERS = """\
order_id,customer_id,ordered_at,amount,discount
1,KD-88001,2025-01-01,"1,234.50",x
2,KD-88002,2025-01-02,5,
2,KD-88002,2025-01-02,5,
3,KD-88003,never,6,
4,KD-88003,2025-01-04,7,
"""
SETTINGS = "customer_ids: pseudonyms\nmax_set_aside: 0.5\n"


@pytest.fixture
def client(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return write_client(tmp_path / "client", SETTINGS, customers=CUSTOMERS, orders=ORDERS)


def called(*arguments, answer=None):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=answer)


def test_check_says_what_was_read_and_what_can_run_and_ends_well(client, tmp_path):
    done = called("check", client, "--out", tmp_path / "run")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0] == "Data from Jan 1, 2025 to Jan 4, 2025, looked at as of Jan 4, 2025."
    assert "orders: 5 rows read = 2 accepted + 1 repaired + 2 quarantined" in lines
    assert "customers: 2 rows read = 2 accepted + 0 repaired + 0 quarantined" in lines
    assert "    1: exact duplicate of an earlier row" in lines
    assert "    1: ordered_at is not a date that exists and can be read" in lines
    assert "    discount: 1 value could not be read or is out of range, and is left empty" in lines
    assert "    1 of customers who are not in customers: kept, attributes unknown" in lines
    assert any(line.startswith("03_segmentation: can run") or "runs thinner" in line for line in lines)
    assert any(line.startswith("08_nps: ") and "surveys" in line for line in lines)
    assert any(line.startswith("People are in the vault; its key is ") for line in lines)
    assert lines[-1] == "Account: run/intake.html"
    assert (tmp_path / "run" / "intake.json").is_file()
    assert "Quisling" not in done.output
    assert "local time of" not in done.output  # what was found out about whole columns stands on the page only
    assert "local time of" in (tmp_path / "run" / "intake.html").read_text(encoding="utf-8")


def test_run_ends_with_a_line_per_chapter_the_rows_the_headline_and_the_path(client, tmp_path, monkeypatch):
    from crmlib.chapters import chapter_files
    from tests.test_runner import BEGIN, write_chapter

    write_chapter(tmp_path / "notebooks", "01_good", BEGIN.format(name="01_good"))
    write_chapter(tmp_path / "notebooks", "02_fails", "raise ValueError('the cut points overlap')")
    write_chapter(tmp_path / "notebooks", "03_needs_surveys", "1 / 0", needs={"surveys": ["score"]})
    files = chapter_files(tmp_path / "notebooks")
    client.parent.chmod(0o700)
    monkeypatch.setattr("crmlib.runner.chapter_files", lambda folder: files)
    done = called("run", client, "--out", tmp_path / "run", "--workers", 1)
    assert done.exit_code == 1, done.output
    lines = done.stdout.splitlines()
    assert re.fullmatch(r"01_good: done in [\d.]+ s", lines[0])
    assert lines[1].startswith("02_fails: Failed: It stopped in the section “02_fails”.")
    assert "`notebooks/02_fails.ipynb` holds what happened" in lines[1]
    assert "the cut points overlap" in (tmp_path / "run" / "notebooks" / "02_fails.ipynb").read_text(encoding="utf-8")
    assert lines[2].startswith("03_needs_surveys: Left out: it needs surveys")
    assert lines[3].startswith("Data: 7 rows read, 4 accepted, 1 repaired, 2 left out with a reason; ")
    assert lines[4] == "Total 2493.0"  # the one finding that the one chapter has: four days of orders tell no story
    assert re.fullmatch(r"Report: run/index\.html \([\d.]+ s\)", lines[-1])
    assert len(lines) == 6
    assert done.stderr == ""


def test_the_account_speaks_the_language_asked_for(client, tmp_path):
    done = called("check", client, "--out", tmp_path / "run", "--language", "zh")
    assert done.exit_code == 0, done.output
    assert not [word for word in ("rows", "read", "values", "kept", "needs", "key is") if f" {word}" in done.stdout]
    assert 'lang="zh-Hans"' in (tmp_path / "run" / "intake.html").read_text(encoding="utf-8")


def test_check_lists_every_problem_and_ends_with_two(tmp_path):
    file = write_client(tmp_path / "c", SETTINGS, orders="order_id,ordered_at\n1,2025-01-01\n", surveys="")
    done = called("check", file, "--out", tmp_path / "run")
    assert done.exit_code == 2
    assert done.stderr.startswith("Cannot start: 2 problems to mend.")
    assert "orders.csv, headings: found no column 'amount'" in done.stderr
    assert "surveys.csv: found an empty file" in done.stderr
    assert not (tmp_path / "run" / "intake.html").exists()


def test_a_wrong_key_deep_in_the_yaml_is_a_problem_with_a_count(tmp_path):
    tables = "tables: {orders: {from: orders.csv, columns: {amount: {produkt: [a, b]}}}}\n"
    done = called("check", write_client(tmp_path / "c", SETTINGS + tables, orders=ORDERS))
    assert done.exit_code == 2
    assert done.stderr.startswith("Cannot start: 1 problem to mend.")
    assert "did you mean 'product'?" in done.stderr


def test_forget_asks_first_and_changes_nothing_when_the_answer_is_no(client, tmp_path):
    called("check", client, "--out", tmp_path / "run")
    before = (tmp_path / "run" / "workspace" / "orders.parquet").read_bytes()
    asked = called("forget", client, "KD-88001", answer="n\n")
    assert asked.exit_code == 1
    assert "This cannot be undone. Remove this person?" in asked.output
    assert (tmp_path / "run" / "workspace" / "orders.parquet").read_bytes() == before
    again = called("check", client, "--out", tmp_path / "run")
    assert "customers: 2 rows read = 2 accepted + 0 repaired + 0 quarantined" in again.stdout


@pytest.mark.parametrize("how", [("--yes",), ()])
def test_forget_removes_the_person_and_says_what_remains(client, tmp_path, how):
    called("check", client, "--out", tmp_path / "run")
    done = called("forget", client, "KD-88001", *how, answer="y\n")
    assert done.exit_code == 0, done.output
    assert ".crmlib/vault: 1 identity removed; the person stays forgotten in later intakes" in done.stdout
    assert "Remains: customers.csv: an export, which is not changed here; the person stands in row 2" in done.stdout
    assert "Remains: orders.csv: an export, which is not changed here; the person stands in row 2" in done.stdout
    again = called("check", client, "--out", tmp_path / "run")
    assert "customers: 2 rows read = 1 accepted + 0 repaired + 1 quarantined" in again.stdout
    assert "    1: a person who is to be forgotten" in again.stdout


def test_forget_of_nobody_is_said_and_ends_with_two(client, tmp_path):
    called("check", client, "--out", tmp_path / "run")
    done = called("forget", client, "KD-99999", "--yes")
    assert done.exit_code == 2
    assert "nobody with this id in the vault, the tables or the exports" in done.stderr
    assert "KD-99999" not in done.output


def test_purge_asks_and_removes_everything_or_leaves_the_exports(client, tmp_path):
    called("check", client, "--out", tmp_path / "run")
    assert called("purge", client, answer="n\n").exit_code == 1
    assert (client.parent / ".crmlib").is_dir()
    kept = called("purge", client, "--keep-exports", "--yes")
    assert kept.exit_code == 0, kept.output
    assert sorted(path.name for path in client.parent.iterdir()) == ["client.yaml", "customers.csv", "orders.csv"]
    assert not (tmp_path / "run").exists()
    called("check", client, "--out", tmp_path / "run")
    assert called("purge", client, "--yes").exit_code == 0
    assert not client.parent.exists()
    assert not (tmp_path / "run").exists()
