"""The runner on small chapters of its own: real papermill, real kernels, real processes."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import nbformat
import pytest
from typer.testing import CliRunner

from crmlib import runner
from crmlib.chapters import chapter_files
from crmlib.cli import app
from crmlib.client import load_client
from crmlib.problems import UnusableInput
from crmlib.run_folder import writing_to
from tests.conftest import write_client

ORDERS = "order_id,customer_id,ordered_at,amount\n1,a,2025-01-02,5\n2,b,2025-01-03,7\n"

HEAD = """client: str = ""  # the client
run: str = ""
factor: int = 2  # the chapter's own
"""


def write_chapter(folder, name, *cells, needs=None, head=HEAD):
    """A chapter with the parameters cell and then the given cells."""
    folder.mkdir(exist_ok=True)
    book = nbformat.v4.new_notebook(
        metadata={
            "crmlib": {"title": name, "question": "?", "minutes": 1, "needs": needs or {"orders": ["amount"]}},
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
        }
    )
    parameters = nbformat.v4.new_code_cell(head, metadata={"tags": ["parameters"]})
    book.cells = [parameters, *(nbformat.v4.new_code_cell(cell) for cell in cells)]
    nbformat.write(book, folder / f"{name}.ipynb")


BEGIN = """from crmlib import begin
from crmlib.finding import Finding
chapter = begin("{name}", client, run)
total = float(chapter.table("orders").amount.sum().to_pandas())
orders = chapter.table("orders").order_by("order_id").select("order_id", "amount")
chapter.keep(orders, name="orders")
said = f"Total {{factor * total}}"
chapter.conclude(Finding("{name}.total", said, "good", certainty="sure", action="go", money=total))
"""


SLEEPER = """import os, time
with open({marker!r}, "w") as stream:
    stream.write(str(os.getpid()))
time.sleep(120)
"""
RUN = """from pathlib import Path
from crmlib import runner
runner.run({client!r}, output={out!r}, notebooks=Path({notebooks!r}), workers=1)
"""


@pytest.fixture
def notebooks(tmp_path):
    folder = tmp_path / "notebooks"
    write_chapter(folder, "01_good", BEGIN.format(name="01_good"))
    write_chapter(folder, "02_fails", "raise ValueError('the cut points overlap')")
    write_chapter(folder, "03_needs_surveys", "1 / 0", needs={"surveys": ["score"]})
    return folder


@pytest.fixture
def client_file(tmp_path):
    return write_client(tmp_path / "client", orders=ORDERS)


def test_a_failing_chapter_spoils_no_other_and_says_why_in_plain_words(notebooks, client_file, tmp_path):
    told = []
    done = runner.run(
        client_file, output=tmp_path / "out", notebooks=notebooks, progress=lambda *event: told.append(event[:2])
    )
    status = {chapter.file.name: (chapter.status, chapter.why) for chapter in done.chapters}
    assert status["01_good"] == ("done", "")
    assert status["02_fails"] == (
        "failed",
        "It stopped in the section “02_fails”. The error is the kit's and not yours; `notebooks/02_fails.ipynb` holds "
        "what happened. All other chapters are complete.",
    )
    assert status["03_needs_surveys"][0] == "left out"
    assert "it needs surveys" in status["03_needs_surveys"][1]
    assert done.exit_code == 1
    assert {("01_good", "done"), ("02_fails", "failed"), ("03_needs_surveys", "left out")} <= set(told)
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "Total 24.0" in page
    assert "It stopped in the section “02_fails”." in page
    assert "it needs surveys" in page
    assert "Traceback" not in page
    assert "ValueError" not in page
    log = (tmp_path / "out" / ".work" / "02_fails" / "02_fails.log").read_text(encoding="utf-8")
    assert "the cut points overlap" in log
    assert "the cut points overlap" in (tmp_path / "out" / "notebooks" / "02_fails.ipynb").read_text(encoding="utf-8")


def test_the_manifest_says_what_ran_on_what_and_its_checksums_hold(notebooks, client_file, tmp_path):
    import hashlib

    runner.run(client_file, output=tmp_path / "out", notebooks=notebooks)
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert [(c["name"], c["status"]) for c in manifest["chapters"]] == [
        ("01_good", "done"),
        ("02_fails", "failed"),
        ("03_needs_surveys", "left out"),
    ]
    account = manifest["tables"]["orders"]
    assert account["accepted"] + account["quarantined"] == account["read"] == 2
    assert set(manifest["files"]) == {
        "index.html", "notebooks/01_good.ipynb", "notebooks/02_fails.ipynb", "tables/01_orders.csv",
        "briefing.json", "report.xlsx", "summary.md",
    }  # fmt: skip
    for name, checksum in manifest["files"].items():
        assert hashlib.sha256((tmp_path / "out" / name).read_bytes()).hexdigest() == checksum


def test_a_second_run_redoes_only_what_changed(notebooks, client_file, tmp_path):
    def reused():
        done = runner.run(client_file, output=tmp_path / "out", notebooks=notebooks)
        return {c.file.name: c.reused for c in done.chapters if c.status != "left out"}

    assert reused() == {"01_good": False, "02_fails": False}
    assert reused() == {"01_good": True, "02_fails": False}
    write_chapter(notebooks, "02_fails", BEGIN.format(name="02_fails"))
    assert reused() == {"01_good": True, "02_fails": False}
    assert reused() == {"01_good": True, "02_fails": True}
    (client_file.parent / "orders.csv").write_text(ORDERS + "3,c,2025-01-03,1\n")
    assert reused() == {"01_good": False, "02_fails": False}
    assert (tmp_path / "out" / "tables" / "01_orders.csv").read_text() == "order_id,amount\n1,5\n2,7\n3,1\n"


def test_a_run_says_what_has_changed_for_each_chapter_that_it_runs_again(notebooks, tmp_path, capsys):
    file = write_client(tmp_path / "client", "as_of: 2025-02-01\n", orders=ORDERS)

    def changed(**options):
        done = runner.run(file, output=tmp_path / "out", notebooks=notebooks, chapters=["01"], **options)
        (chapter,) = json.loads((tmp_path / "out" / "manifest.json").read_text())["chapters"]
        assert tuple(chapter["changed"]) == done.chapters[0].changed
        return done.chapters[0].reused, done.chapters[0].changed

    assert changed() == (False, ())
    assert changed() == (True, ())
    (file.parent / "orders.csv").write_text(ORDERS + "3,c,2025-01-03,1\n")
    assert changed() == (False, ("orders",))
    (file.parent / "orders.csv").write_text(ORDERS)
    file.write_text(file.read_text().replace("2025-02-01", "2025-02-02").replace("name: ", "name: New "))
    assert changed() == (False, ("orders", "as_of", "settings"))
    assert changed(language="zh") == (False, ("language",))
    write_chapter(notebooks, "01_good", BEGIN.format(name="01_good") + "\n1")
    assert changed(language="zh") == (False, ("chapter",))
    outcome = tmp_path / "out" / ".work" / "01_good" / "outcome.json"
    outcome.write_text(json.dumps(json.loads(outcome.read_text()) | {"status": "failed"}))
    assert changed(language="zh") == (False, ("unfinished",))


def test_the_console_says_what_was_used_again_and_why_the_others_ran(notebooks, client_file, tmp_path, monkeypatch):
    monkeypatch.setattr("crmlib.chapters.notebooks_folder", lambda: notebooks)

    def said():
        result = CliRunner().invoke(app, ["run", str(client_file), "--out", str(tmp_path / "out"), "--chapter", "01"])
        return next(line for line in result.output.splitlines() if line.startswith("01_good"))

    assert re.fullmatch(r"01_good: done in [\d.]+ s", said())
    assert said() == "01_good: used again, nothing it is made of has changed"
    (client_file.parent / "orders.csv").write_text(ORDERS + "3,c,2025-01-09,1\n")
    why = "run again because of orders, the day of the analysis"
    assert re.fullmatch(rf"01_good: done in [\d.]+ s, {why}", said())


def test_the_chapters_that_took_longest_begin_first(notebooks, client_file, tmp_path):
    for name in ("02_fails", "04_more"):
        write_chapter(notebooks, name, BEGIN.format(name=name))
    begun = []

    def told(chapter, state, seconds):
        if state == "started":
            begun.append(chapter)

    runner.run(client_file, output=tmp_path / "out", notebooks=notebooks, workers=1)
    outcome = tmp_path / "out" / ".work" / "04_more" / "outcome.json"
    outcome.write_text(json.dumps(json.loads(outcome.read_text()) | {"seconds": 900.0}))
    (client_file.parent / "orders.csv").write_text(ORDERS + "3,c,2025-01-03,1\n")
    runner.run(client_file, output=tmp_path / "out", notebooks=notebooks, workers=1, progress=told)
    assert begun[0] == "04_more"


def test_a_file_that_parameters_name_counts_with_what_stands_in_it(notebooks, tmp_path):
    write_chapter(notebooks, "01_good", BEGIN.format(name="01_good"), head=HEAD + '\nrules: str = ""')
    file = write_client(tmp_path / "client", "parameters: {01_good: {rules: own.yaml}}\n", orders=ORDERS)
    (file.parent / "own.yaml").write_text("line: 1\n")

    def reused():
        done = runner.run(file, output=tmp_path / "out", notebooks=notebooks, chapters=["01"])
        return [chapter.reused for chapter in done.chapters]

    assert (reused(), reused()) == ([False], [True])
    (file.parent / "own.yaml").write_text("line: 2\n")
    assert (reused(), reused()) == ([False], [True])


def test_a_table_that_a_chapter_does_not_declare_does_not_make_it_run_again(notebooks, client_file, tmp_path):
    file = write_client(tmp_path / "client", orders=ORDERS, spend="spent_on,channel,cost\n2025-01-01,search,5\n")
    runner.run(file, output=tmp_path / "out", notebooks=notebooks, chapters=["01"])
    (file.parent / "spend.csv").write_text("spent_on,channel,cost\n2025-01-01,search,6\n")
    done = runner.run(file, output=tmp_path / "out", notebooks=notebooks, chapters=["01"])
    assert [c.reused for c in done.chapters] == [True]


def test_parameters_from_the_yaml_reach_the_chapter(notebooks, tmp_path):
    file = write_client(tmp_path / "client", "parameters: {01_good: {factor: 3}}\n", orders=ORDERS)
    runner.run(file, output=tmp_path / "out", notebooks=notebooks, chapters=["01"])
    assert "Total 36.0" in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")


def test_wrong_parameters_are_all_named_before_anything_starts(notebooks, tmp_path):
    file = write_client(
        tmp_path / "client",
        "parameters: {01_good: {faktor: 3, factor: many, client: x}, 04_nothing: {a: 1}}\n",
        orders=ORDERS,
    )
    with pytest.raises(UnusableInput) as unusable:
        runner.run(file, output=tmp_path / "out", notebooks=notebooks)
    said = [str(problem) for problem in unusable.value.problems]
    assert len(said) == 4
    assert "'faktor'" in said[0]
    assert "did you mean 'factor'?" in said[0]
    assert "'many'" in said[1]
    assert "a value like 2" in said[1]
    assert "'client'" in said[2]
    assert "'04_nothing'" in said[3]
    assert not (tmp_path / "out").exists()


def test_a_chapter_that_takes_too_long_is_ended(notebooks, client_file, tmp_path):
    write_chapter(notebooks, "02_fails", "print('so far')", "import time\ntime.sleep(60)")
    done = runner.run(client_file, output=tmp_path / "out", notebooks=notebooks, chapters=["02"], cell_timeout=1)
    assert done.chapters[0].status == "failed"
    assert "longer than 1 second" in done.chapters[0].why
    assert "so far" in printed(tmp_path / "out", "02_fails")


def test_a_kernel_that_dies_fails_its_chapter_only(notebooks, client_file, tmp_path):
    write_chapter(notebooks, "02_fails", "print('so far')", "import os\nos._exit(9)")
    done = runner.run(client_file, output=tmp_path / "out", notebooks=notebooks)
    assert [chapter.status for chapter in done.chapters] == ["done", "failed", "left out"]
    assert "--workers 1" in done.chapters[1].why
    assert "so far" in printed(tmp_path / "out", "02_fails")


OF_A_KERNEL = """import json, os, signal, sys, IPython, pandas
print(json.dumps({
    "columns": pandas.get_option("display.max_columns"), "main": __name__, "shell": type(get_ipython()).__name__,
    "interrupts": signal.getsignal(signal.SIGINT) is not signal.SIG_DFL, "folder": os.getcwd(), "first": sys.path[0],
    "parent": int(os.environ["JPY_PARENT_PID"]) == os.getppid(), "grammar": "rfc3987_syntax" in sys.modules,
    "safe": "PYTHONSAFEPATH" in os.environ, "threads": os.environ["OMP_NUM_THREADS"],
}))
"""


def test_a_kernel_that_is_a_copy_is_like_one_that_was_started_anew(notebooks, client_file, tmp_path, monkeypatch):
    write_chapter(notebooks, "01_good", OF_A_KERNEL)
    runner.run(client_file, output=tmp_path / "copied", notebooks=notebooks, chapters=["01"])
    monkeypatch.setattr(runner, "short_folder", lambda: "/elsewhere")  # no server of forks: a new interpreter for each
    runner.run(client_file, output=tmp_path / "anew", notebooks=notebooks, chapters=["01"])
    copied, anew = (json.loads(printed(tmp_path / name, "01_good")) for name in ("copied", "anew"))
    assert copied == anew
    assert (anew["columns"], anew["shell"]) == (20, "ZMQInteractiveShell")


def printed(output, name):
    """What the first cell that printed has said, of a chapter that was run."""
    book = nbformat.read(output / "notebooks" / f"{name}.ipynb", as_version=4)
    return next(one["text"] for cell in book.cells for one in cell.get("outputs", []) if one["output_type"] == "stream")


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL and process groups are POSIX")
def test_a_killed_run_leaves_no_process_and_no_half_file_and_resumes(notebooks, client_file, tmp_path):
    out = tmp_path / "out"
    marker = tmp_path / "slow.pid"
    write_chapter(notebooks, "02_fails", SLEEPER.format(marker=str(marker)))
    script = RUN.format(client=str(client_file), out=str(out), notebooks=str(notebooks))
    process = subprocess.Popen([sys.executable, "-c", script])
    _until(lambda: marker.exists() and marker.read_text().isdigit(), 600)
    kernel = int(marker.read_text())
    process.send_signal(signal.SIGKILL)
    process.wait()
    _until(lambda: not _runs(kernel), 600)
    assert not (out / "index.html").exists()
    assert not (out / "notebooks").exists()
    write_chapter(notebooks, "02_fails", BEGIN.format(name="02_fails"))
    done = runner.run(client_file, output=out, notebooks=notebooks)
    assert [(c.status, c.reused) for c in done.chapters] == [("done", True), ("done", False), ("left out", False)]
    assert sorted(p.name for p in (out / "notebooks").iterdir()) == ["01_good.ipynb", "02_fails.ipynb"]


def _until(condition, seconds):
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "waited too long"
        time.sleep(0.1)


def _runs(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_clients_text_is_neither_formula_nor_markup(tmp_path):
    import pandas as pd

    from crmlib.chapter import Chapter
    from crmlib.finding import Finding

    hostile = ["=1+1", "@x", "+5", "-name", "plain", None]
    table = pd.DataFrame({"store": hostile, "change": [-1.5, 2.0, 0.0, 1.0, 1.0, 1.0]})
    Chapter("01_good", None, None, tmp_path).keep(table, name="stores")  # type: ignore[arg-type]
    back = pd.read_csv(tmp_path / "tables" / "01_stores.csv")
    assert back.store.fillna("").tolist() == ["'=1+1", "'@x", "'+5", "'-name", "plain", ""]
    assert back.change.tolist() == table.change.tolist()
    shown = Finding("a.b", "Shop <b>*x*</b> [l](u)", "bad", certainty="c", action="a")._repr_markdown_()
    assert shown == r"**Shop \<b\>\*x\*\</b\> \[l\](u)** c *a*"


def test_a_run_deletes_nothing_but_what_a_run_has_written(notebooks, client_file, tmp_path):
    out = tmp_path / "out"
    for name in ("tables/mine.csv", "notebooks/mine.ipynb", "notebooks/.ipynb_checkpoints/01_good.ipynb"):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text("mine")
    runner.run(client_file, output=out, notebooks=notebooks, chapters=["01"])
    assert (out / "tables" / "01_orders.csv").exists()
    runner.run(client_file, output=out, notebooks=notebooks, chapters=["03"])
    assert not (out / "tables" / "01_orders.csv").exists()
    assert (out / "tables" / "mine.csv").read_text() == "mine"
    assert (out / "notebooks" / "mine.ipynb").read_text() == "mine"


@pytest.mark.parametrize("output", ["client", ".", "client/client.yaml", "client/orders.csv/x"])
def test_a_folder_that_cannot_be_a_runs_own_is_refused_in_words(notebooks, client_file, tmp_path, output):
    with pytest.raises(UnusableInput) as unusable:
        runner.run(client_file, output=tmp_path / output, notebooks=notebooks)
    assert "choose another folder with --out" in str(unusable.value)
    assert (tmp_path / "client" / "orders.csv").read_text() == ORDERS


def test_two_runs_do_not_write_into_one_folder_at_the_same_time(notebooks, client_file, tmp_path):
    with (
        writing_to(tmp_path / "out", load_client(client_file)),
        pytest.raises(UnusableInput, match="another run that writes there"),
    ):
        runner.run(client_file, output=tmp_path / "out", notebooks=notebooks)
    alone = runner.run(client_file, output=tmp_path / "out", notebooks=notebooks, chapters=["03"])
    assert [chapter.status for chapter in alone.chapters] == ["left out"]


def test_a_run_that_has_nothing_to_tell_ends_with_code_1(notebooks, client_file, tmp_path):
    done = runner.run(client_file, output=tmp_path / "out", notebooks=notebooks, chapters=["03"])
    assert (done.headline, done.exit_code) == ("2 orders are too few to tell anything from chance", 1)


def test_a_chapter_checks_its_own_settings_before_anything_starts(notebooks, tmp_path):
    write_chapter(notebooks, "03_segmentation", "1 / 0")
    write_chapter(notebooks, "13_scorecard", "1 / 0")
    targets = "targets: {repurchase_rate: 45, revenu: 100, nps: 50}\n"
    with pytest.raises(UnusableInput) as unusable:
        runner.run(
            write_client(tmp_path / "client", targets, orders=ORDERS), output=tmp_path / "out", notebooks=notebooks
        )
    said = [str(problem) for problem in unusable.value.problems]
    assert len(said) == 2
    assert "targets.repurchase_rate: found 45" in said[0]
    assert "did you mean 'revenue'?" in said[1]


def test_a_chapter_without_a_check_of_settings_has_none(notebooks, client_file):
    runner.check_settings(load_client(client_file), chapter_files(notebooks))


def test_a_business_that_has_gone_silent_is_said_to_be_so(notebooks, tmp_path):
    touches = "customer_id,touched_at,channel,kind\na,2025-09-01,mail,sent\n"
    file = write_client(tmp_path / "client", orders=ORDERS, touches=touches)
    runner.run(file, output=tmp_path / "out", notebooks=notebooks, chapters=["01"])
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "No order since Jan 3, 2025, 241 days before this report." in page
