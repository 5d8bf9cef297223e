"""The machine around a run: other kernels, other settings, other encodings, odd folders, full disks."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

import crmlib
from crmlib import runner
from tests.conftest import write_client
from tests.test_runner import BEGIN, ORDERS, write_chapter

RUN = """import sys
from pathlib import Path
from crmlib import runner
done = runner.run(sys.argv[1], output=sys.argv[2], notebooks=Path(sys.argv[3]), workers=1)
print([(one.file.name, one.status, one.why) for one in done.chapters])
"""
WHO = """import sys, os, json, crmlib, matplotlib, IPython
from pathlib import Path
plain = matplotlib.rcParamsDefault
print(json.dumps({
    "python": sys.executable, "crmlib": crmlib.__file__, "usetex": matplotlib.rcParams["text.usetex"],
    "size": matplotlib.rcParams["font.size"], "mine": "of_the_user" in globals(),
    "backend": matplotlib.get_backend().rpartition(".")[2], "ipython": IPython.paths.get_ipython_dir(),
}))
"""
PICTURE = """import matplotlib.pyplot as plt
figure, axes = plt.subplots()
axes.plot([1, 2], [3, 4])
axes.set_title("100 % of $5")
figure
"""


@pytest.fixture
def client_file(tmp_path):
    return write_client(tmp_path / "client", orders=ORDERS)


def run_apart(client_file, output, notebooks, **environment):
    """A run in a process of its own, in this environment; what it printed."""
    command = [sys.executable, "-c", RUN, str(client_file), str(output), str(notebooks)]
    environment = os.environ | {"PYTHONPATH": str(Path(crmlib.__file__).parents[1])} | environment
    done = subprocess.run(command, capture_output=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")[-2000:]
    return done.stdout.decode("utf-8", "replace").strip()


def printed(output, name="01_good"):
    """What the first cell that printed has said, of a finished chapter."""
    book = nbformat.read(output / "notebooks" / f"{name}.ipynb", as_version=4)
    return next(one["text"] for cell in book.cells for one in cell.get("outputs", []) if one["output_type"] == "stream")


@pytest.mark.parametrize("argv", [["/nowhere/bin/python", "-f", "{connection_file}"], ["false"], []])
def test_other_kernels_on_the_search_path_run_no_chapter(client_file, tmp_path, argv):
    other = tmp_path / "jupyter" / "kernels" / "python3"
    other.mkdir(parents=True)
    spec = {"argv": argv, "display_name": "Another environment", "language": "python"}
    (other / "kernel.json").write_text(json.dumps(spec))
    write_chapter(tmp_path / "notebooks", "01_good", WHO)
    said = run_apart(client_file, tmp_path / "out", tmp_path / "notebooks", JUPYTER_PATH=str(tmp_path / "jupyter"))
    assert said == "[('01_good', 'done', '')]"
    seen = json.loads(printed(tmp_path / "out"))
    assert (seen["python"], seen["crmlib"]) == (sys.executable, crmlib.__file__)


def test_the_package_that_runs_is_the_one_that_chapters_import(client_file, tmp_path):
    """Found by a relative path of Python's, which means another folder where the chapter runs."""
    write_chapter(tmp_path / "notebooks", "01_good", WHO)
    near = tmp_path / "near"
    shutil.copytree(Path(crmlib.__file__).parent, near / "crmlib", ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-c", RUN, str(client_file), str(tmp_path / "out"), str(tmp_path / "notebooks")]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": "."}, cwd=near, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()[-900:]
    assert done.stdout.decode().strip() == "[('01_good', 'done', '')]"
    assert json.loads(printed(tmp_path / "out"))["crmlib"] == str(near / "crmlib" / "__init__.py")


def test_settings_of_the_user_change_nothing(client_file, tmp_path):
    home, ipython = tmp_path / "home", tmp_path / "home" / ".ipython"
    (home / ".config" / "matplotlib").mkdir(parents=True)
    for file in (home / ".config" / "matplotlib" / "matplotlibrc", home / "matplotlibrc"):
        file.write_text("text.usetex: True\nfont.size: 31\nbackend: TkAgg\n")
    (ipython / "profile_default" / "startup").mkdir(parents=True)
    (ipython / "profile_default" / "startup" / "00.py").write_text("of_the_user = 1\n")
    config = (
        "c.InteractiveShellApp.exec_lines = ['raise SystemExit(3)']\nc.InteractiveShell.ast_node_interactivity='none'"
    )
    (ipython / "profile_default" / "ipython_config.py").write_text(config)
    (home / ".jupyter").mkdir()
    config = "c.ExecutePreprocessor.timeout = 0\nc.KernelManager.transport = 'none'\nraise ValueError('mine')\n"
    (home / ".jupyter" / "jupyter_config.py").write_text(config)
    (home / "startup.py").write_text("of_the_user = 1\nraise ValueError('mine')\n")
    write_chapter(tmp_path / "notebooks", "01_good", WHO, PICTURE)
    said = run_apart(
        client_file, tmp_path / "out", tmp_path / "notebooks",
        HOME=str(home), IPYTHONDIR=str(ipython), MATPLOTLIBRC=str(home), MPLBACKEND="TkAgg",
        MPLCONFIGDIR=str(home / ".config" / "matplotlib"), PYTHONSTARTUP=str(home / "startup.py"),
        JUPYTER_CONFIG_DIR=str(home / ".jupyter"), JUPYTER_DEFAULT_PROVISIONER_NAME="nobodys",
    )  # fmt: skip
    assert said == "[('01_good', 'done', '')]"
    seen = json.loads(printed(tmp_path / "out"))
    assert (seen["usetex"], seen["size"], seen["mine"], seen["backend"]) == (False, 10.0, False, "backend_inline")
    assert not Path(seen["ipython"]).is_relative_to(home)


@pytest.mark.parametrize("name", ["{acme}", "a {b} c", "{", "顾客 报告", "it's (new) #1"])
def test_folders_of_any_name_are_a_run_and_a_client(tmp_path, name):
    file = write_client(tmp_path / name / "client", orders=ORDERS)
    write_chapter(tmp_path / name / "notebooks", "01_good", BEGIN.format(name="01_good"))
    done = runner.run(file, output=tmp_path / name / "out", notebooks=tmp_path / name / "notebooks")
    assert [(one.status, one.why) for one in done.chapters] == [("done", "")]
    assert "Total 24.0" in (tmp_path / name / "out" / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("length", [104])
def test_a_long_path_of_temporary_files_is_no_obstacle(client_file, tmp_path, length):
    folder = tmp_path / "t"
    folder = folder.with_name("t" * max(1, length - len(str(tmp_path)) - 1))
    folder.mkdir()
    assert len(str(folder)) >= length
    write_chapter(tmp_path / "notebooks", "01_good", BEGIN.format(name="01_good"))
    write_chapter(tmp_path / "notebooks", "02_good", BEGIN.format(name="02_good"))
    said = run_apart(client_file, tmp_path / "out", tmp_path / "notebooks", TMPDIR=str(folder))
    assert said == "[('01_good', 'done', ''), ('02_good', 'done', '')]"


def test_a_chapter_that_fails_before_it_has_a_notebook_says_why(client_file, tmp_path):
    write_chapter(tmp_path / "notebooks", "01_good", BEGIN.format(name="01_good"))
    for name, change in (("02_version", {"nbformat": 99}), ("03_cells", {"cells": [{"cell_type": "code"}]})):
        write_chapter(tmp_path / "notebooks", name, "1")
        file = tmp_path / "notebooks" / f"{name}.ipynb"
        broken = json.loads(file.read_text(encoding="utf-8"))
        parameters = broken["cells"][0]
        broken |= change
        if name == "03_cells":
            broken["cells"] = [parameters, {"cell_type": "code", "source": "1", "metadata": {}}]
            parameters.pop("outputs")
            broken["metadata"]["kernelspec"] = "python3"
        file.write_text(json.dumps(broken), encoding="utf-8")
    done = runner.run(client_file, output=tmp_path / "out", notebooks=tmp_path / "notebooks")
    assert [one.status for one in done.chapters] == ["done", "failed", "failed"]
    for one in done.chapters[1:]:
        assert one.notebook is None
        assert "Error" in one.why
        assert one.why in (tmp_path / "out" / "index.html").read_text(encoding="utf-8").replace("&#39;", "'")


def test_a_process_that_is_ended_in_the_middle_says_what_it_last_said(client_file, tmp_path):
    dying = "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\nimport time\ntime.sleep(30)"
    write_chapter(tmp_path / "notebooks", "01_good", dying)
    done = runner.run(client_file, output=tmp_path / "out", notebooks=tmp_path / "notebooks")
    assert "code -9" in done.chapters[0].why


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "cp936", "latin-1:strict"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_is_said_survives_any_encoding(tmp_path, encoding, language):
    """Headings with an arrow, Chinese words and an emoji reach a log file of any encoding."""
    exports = tmp_path / "exports"
    exports.mkdir()
    (exports / "订单 ← 😀.csv").write_text(
        "订单号,客户编号,下单时间,金额 ←\nA1,C1,2025-01-02 10:00,5\nA2,C2,2025-02-03 11:00,7\n", encoding="utf-8"
    )
    environment = os.environ | {
        "PYTHONIOENCODING": encoding,
        "PYTHONUTF8": "0",
        "PYTHONPATH": str(Path(crmlib.__file__).parents[1]),
    }

    def said(*arguments):
        command = [sys.executable, "-m", "crmlib.cli", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, cwd=tmp_path, check=False)
        assert b"Traceback" not in done.stderr, done.stderr.decode("utf-8", "replace")[-800:]
        return done

    made = said("new", "acme", "--from", "exports", "--language", language)
    assert made.returncode == 0
    assert (tmp_path / "acme" / "client.yaml").is_file()
    assert said("check", "nothing/client.yaml", "--language", language).returncode == 2
    assert said("--help").returncode == 0
    assert said("run", "--help").returncode == 0
