"""From a client's files to the report, with the real chapters: the sample, CDNOW, thin, empty and hostile clients."""

import csv
import json
import re
import shutil
from dataclasses import replace

import pandas as pd
import pytest
from typer.testing import CliRunner

from crmlib import runner
from crmlib.cli import app
from crmlib.report.collect import section
from tests.conftest import write_client
from tests.report.page import Page, problems

CHAPTERS = [
    "01_customer_data", "02_acquisition", "03_segmentation", "04_clv", "05_retention", "06_churn", "07_growth",
    "08_nps", "13_scorecard",
]  # fmt: skip


def findings(run):
    return {c.file.name: section(c.notebook).findings for c in run.chapters if c.status == "done"}


def assert_every_table_is_fine(run):
    tables = list((run.folder / "tables").glob("*.csv"))
    assert tables
    for file in tables:
        assert len(pd.read_csv(file)) > 0, file.name


@pytest.fixture(scope="session")
def aurora(repository, tmp_path_factory, sample_run):
    """A finished run on the sample brand; its chapters ran in the run that all tests share."""
    folder = tmp_path_factory.mktemp("aurora")
    shutil.copytree(sample_run("en") / ".work", folder / ".work")
    done = runner.run(repository / "data" / "aurora" / "client.yaml", output=folder, language="en")
    assert all(chapter.reused for chapter in done.chapters)
    return done


def test_the_sample_brand_runs_whole_and_its_report_is_sound(aurora):
    assert [(c.file.name, c.status, c.why) for c in aurora.chapters] == [(name, "done", "") for name in CHAPTERS]
    html = (aurora.folder / "index.html").read_text(encoding="utf-8")
    assert problems(html) == []
    assert_every_table_is_fine(aurora)
    for name, found in findings(aurora).items():
        assert found, f"{name} came to no finding on the sample"
        for finding in found:
            assert finding.certainty, finding.key
            assert finding.action, finding.key
            assert finding.key.split(".")[0] == name[3:], finding.key
    assert any(f.money for found in findings(aurora).values() for f in found)


def test_the_page_begins_with_what_moved_the_money(aurora):
    page = Page((aurora.folder / "index.html").read_text(encoding="utf-8"))
    bridge = pd.read_csv(aurora.folder / "tables" / "13_bridge.csv").set_index("part")
    lost, buyers = bridge.customers["lost"], bridge.customers["before"]
    assert lost / buyers > 0.47  # so that the headline may say half
    assert "Sales doubled, but half of last year’s buyers did not come back" in page.text
    assert f"Of {buyers:,} earlier buyers, {lost:,} bought nothing since" in page.text


def test_the_words_of_the_chapters_are_explained_and_what_the_page_rests_on_is_said(aurora):
    sure = Page((aurora.folder / "index.html").read_text(encoding="utf-8").split('id="sure"')[1]).text
    for term in (
        "Sleeping after",
        "Customer equity",
        "Cohort",
        "Control limits",
        "Churn rate",
        "Natural process limits",
    ):
        assert term in sure
    tables = aurora.workspace.account["tables"].values()
    assert f"{sum(table['read'] for table in tables):,} rows read, none lost" in sure
    assert f"{sum(table['quarantined'] for table in tables):,} left out with a reason" in sure
    assert "statsmodels" in sure


def test_no_identity_of_the_sample_reaches_the_run(aurora, repository):
    with (repository / "data" / "aurora" / "customers.csv").open(encoding="utf-8", newline="") as stream:
        people = list(csv.DictReader(stream))
    secrets = {
        person[key].encode() for person in people for key in ("email", "phone", "address") if len(person[key]) > 7
    }
    assert len(secrets) > 10_000
    # Pictures are words of a million letters: each is passed over once, not looked through from every letter.
    word, number = re.compile(rb"[\w.+-]+(?:@[\w.-]+)?"), re.compile(rb"\d{9,}")
    for file in aurora.folder.rglob("*"):
        if file.is_file() and file.suffix in (".html", ".ipynb", ".csv", ".json"):
            content = file.read_bytes()
            leaked = {m.group(0) for pattern in (word, number) for m in pattern.finditer(content)} & secrets
            assert not leaked, f"{file.name}: {sorted(leaked)[:3]}"
    for file in (aurora.folder / "workspace").glob("*.parquet"):
        assert not {"name", "email", "phone", "address"} & set(pd.read_parquet(file).columns)


WITH_WORDS = {"01_decisions.csv", "01_reasons.csv", "13_other_measures.csv"}


def test_two_runs_give_the_same_tables_and_findings_in_any_language(aurora, sample_run):
    """Also one after the other.

    That the words, too, are the same bytes again is proved on small clients (`tests/cases/test_any_machine.py`), and on
    the sample by its stored notebooks, which `make test` runs once more.
    """
    folders = (aurora.folder, sample_run("zh"))
    first, second = ({file.name: file for file in (folder / "tables").glob("*.csv")} for folder in folders)
    assert first.keys() == second.keys()
    assert {name for name in first if first[name].read_bytes() != second[name].read_bytes()} <= WITH_WORDS
    for name in WITH_WORDS:
        numbers, again = (pd.read_csv(tables[name]).select_dtypes("number") for tables in (first, second))
        pd.testing.assert_frame_equal(numbers, again, check_exact=True)
    found, again = (
        [
            replace(one, headline="", evidence="", certainty="", action="")
            for chapter in CHAPTERS
            for one in section(folder / "notebooks" / f"{chapter}.ipynb").findings
        ]
        for folder in folders
    )
    assert found == again


def test_cdnow_runs_with_orders_only_and_says_what_is_left_out(repository, tmp_path):
    result = CliRunner().invoke(
        app, ["run", str(repository / "data" / "cdnow" / "client.yaml"), "--out", str(tmp_path / "out")]
    )
    assert result.exit_code == 0, result.output
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    status = {c["name"]: c["status"] for c in manifest["chapters"]}
    left_out = {"07_growth", "08_nps"}
    assert status == {name: "left out" if name in left_out else "done" for name in CHAPTERS}
    assert manifest["tables"]["orders"]["accepted"] == 69_659
    html = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert problems(html) == []
    assert "needs surveys" in html


HOSTILE = [
    "<script>alert(1)</script>",
    "=HYPERLINK(\"http://evil\")",
    "'; DROP TABLE orders; --",
    "{{ 7 * 7 }} {x} %s",
    "$\\frac{1}{0}$ <img src=http://evil>",
    "名字\u202e\u0007 \U0001f4a9",
]  # fmt: skip


def thin_client(repository, folder, *, hostile=False):
    """A client with two tables, cut from the sample: 600 customers with their orders and what they answered."""
    source = repository / "data" / "aurora"
    orders = pd.read_csv(source / "orders.csv", dtype=str, keep_default_na=False)
    surveys = pd.read_csv(source / "surveys.csv", dtype=str, keep_default_na=False)
    some = sorted(set(orders.customer_id) - {""})[200:800]
    orders = orders[orders.customer_id.isin(some)][
        ["order_id", "customer_id", "ordered_at", "amount", "store", "channel"]
    ]
    surveys = surveys[surveys.customer_id.isin(some)].copy()
    if hostile:
        orders["store"] = [HOSTILE[i % len(HOSTILE)] for i in range(len(orders))]
        orders["channel"] = orders["store"]
        surveys["touchpoint"] = [HOSTILE[i % len(HOSTILE)] for i in range(len(surveys))]
        surveys["comment"] = surveys["touchpoint"]
    name = "name: '<script>alert(1)</script> & Söhne {x}'\n" if hostile else ""
    return write_client(
        folder, name, orders=orders.to_csv(index=False).encode(), surveys=surveys.to_csv(index=False).encode()
    )


def test_a_client_with_two_tables_runs_and_hostile_text_stays_text(repository, tmp_path):
    file = thin_client(repository, tmp_path / "client", hostile=True)
    done = runner.run(file, output=tmp_path / "out")
    others = [name for name in CHAPTERS if name != "07_growth"]
    assert [c.file.name for c in done.chapters if (c.status, c.why) == ("done", "")] == others
    assert {c.file.name: c.status for c in done.chapters}["07_growth"] == "left out"
    html = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    # The client's own braces stay as they are.
    own = {f"unfilled: '{{{name}}}'" for name in ("x", "0", "1")}
    assert [p for p in problems(html) if p not in own] == []
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; Söhne {x}" in html


def test_an_empty_table_is_said_and_nothing_runs(repository, tmp_path):
    file = thin_client(repository, tmp_path / "client")
    (file.parent / "surveys.csv").write_text("response_id,answered_at,kind,score\n")
    result = CliRunner().invoke(app, ["run", str(file), "--out", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert "surveys.csv: found no rows; expected rows of surveys" in result.output
    assert "Traceback" not in result.output
    assert not (tmp_path / "out" / "index.html").exists()


def test_a_handful_of_orders_gives_a_report_and_no_invented_numbers(tmp_path):
    orders = "order_id,customer_id,ordered_at,amount\n1,a,2025-01-02,5\n2,b,2025-03-03,7\n3,a,2025-05-03,0\n"
    done = runner.run(write_client(tmp_path / "client", orders=orders), output=tmp_path / "out")
    assert [(c.file.name, c.status) for c in done.chapters if c.status == "failed"] == []
    assert problems((tmp_path / "out" / "index.html").read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("command", ["run", "check"])
def test_a_language_that_the_kit_does_not_speak_is_refused_in_words(tmp_path, command):
    file = write_client(tmp_path / "client", orders="order_id,customer_id,ordered_at,amount\n1,a,2025-01-01,5\n")
    result = CliRunner().invoke(app, [command, str(file), "--out", str(tmp_path / "out"), "--language", "fr"])
    assert result.exit_code == 2
    assert "--language: found 'fr'; expected one of en, zh" in result.stderr
    assert not (tmp_path / "out").exists()


def test_messages_speak_the_language_asked_for_else_the_clients_also_where_the_yaml_is_wrong(tmp_path):
    file = write_client(tmp_path / "client", "language: zh\nmargin: 7\n", orders="order_id\n1\n")

    def said(*more: str) -> str:
        result = CliRunner().invoke(app, ["check", str(file), "--out", str(tmp_path / "out"), *more])
        assert result.exit_code == 2
        return result.stderr

    assert said().startswith("无法开始：有1个问题需要解决。")
    assert said("--language", "en").startswith("Cannot start: 1 problem to mend.")


def test_check_tells_the_account_without_running_anything(repository, tmp_path):
    shutil.copytree(repository / "data" / "cdnow", tmp_path / "cdnow", ignore=shutil.ignore_patterns(".crmlib"))
    result = CliRunner().invoke(app, ["check", str(tmp_path / "cdnow" / "client.yaml"), "--out", str(tmp_path / "out")])
    assert result.exit_code == 0
    assert "orders: 69,659 rows read = 69,659 accepted + 0 repaired + 0 quarantined" in result.output
    assert "08_nps: Left out: it needs surveys" in result.output
    assert not (tmp_path / "out" / "index.html").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "nothing.yaml"], "nothing.yaml: found no such file"),
        (["run", "{client}", "--chapter", "99"], "--chapter: found the unknown chapter '99'"),
        (["run", "{client}", "--language", "fr"], "--language: found 'fr'"),
    ],
)
def test_what_cannot_start_ends_with_code_2_and_a_message(tmp_path, arguments, said):
    file = write_client(tmp_path / "client", orders="order_id,ordered_at,amount\n1,2025-01-01,5\n")
    filled = [a.format(client=file) for a in arguments]
    result = CliRunner().invoke(app, [*filled, "--out", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert said in result.output
    assert "Traceback" not in result.output


def test_a_real_dirty_export_becomes_a_report_with_corrections_in_yaml_only(repository, tmp_path):
    export = repository.parent / "shared" / "data" / "online_retail.csv.gz"
    if not export.exists():
        pytest.skip("the data of ../shared are not beside the repository")
    client = tmp_path / "acme" / "client.yaml"
    proposed = CliRunner().invoke(app, ["new", str(client.parent), "--from", str(export)])
    assert proposed.exit_code == 0, proposed.output
    corrected = client.read_text(encoding="utf-8").replace("name: acme\n", "name: Online Retail\nmargin: 0.4\n")
    client.write_text(corrected.replace("one_row_per: order_id", "one_row_per: order_id\n    duplicates: keep"))
    result = CliRunner().invoke(app, ["run", str(client), "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    account = json.loads((tmp_path / "out" / "intake.json").read_text(encoding="utf-8"))
    told = " ".join(re.sub(r"<[^>]+>", " ", (tmp_path / "out" / "intake.html").read_text(encoding="utf-8")).split())
    assert "7,518 of 9,288 cancellations (81%) were matched to the order that they take back" in told
    assert [table["read"] for table in account["tables"].values()] == [541_909] * 3
    assert account["tables"]["customers"]["rows"] == 4_372
    sums = account["tables"]["order_lines"]["sums"]
    assert sums["quantity"]["read"] == 5_176_450
    assert sums["amount"]["read"] == pytest.approx(9_747_747.934, abs=5e-4)
    states = {chapter["name"]: chapter["state"] for chapter in account["chapters"]}
    assert [name for name, state in states.items() if state == "cannot run"] == ["08_nps"]
    html = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert problems(html) == []
