"""The machine around a run: other kernels, other settings, other encodings, odd folders, full disks."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import crmlib
from crmlib import runner
from crmlib.client import load_client
from crmlib.intake import take_in
from crmlib.intake.identities.forget import forget, plan_forget
from crmlib.intake.identities.private import private_folder
from crmlib.intake.identities.purge import purge
from crmlib.intake.identities.runs import made_by_a_run, removing
from crmlib.problems import UnusableInput
from crmlib.run_folder import run_folder, writing_to
from tests.conftest import write_client
from tests.test_runner import BEGIN, ORDERS, SLEEPER, _until, printed, write_chapter

RUN = """import sys
from pathlib import Path
from crmlib import runner
done = runner.run(sys.argv[1], output=sys.argv[2], notebooks=Path(sys.argv[3]), workers=1)
print([(one.file.name, one.status, one.why) for one in done.chapters])
"""
COMMANDS = """import json, sys
from crmlib.cli import app
codes = []
for arguments in json.loads(sys.argv[1]):
    try:
        app(arguments)
    except SystemExit as ended:
        codes.append(ended.code or 0)
print("codes:", *codes)
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


@pytest.mark.parametrize("argv", [["/nowhere/bin/python", "-f", "{connection_file}"], ["false"], []])
def test_other_kernels_on_the_search_path_run_no_chapter(client_file, tmp_path, argv):
    other = tmp_path / "jupyter" / "kernels" / "python3"
    other.mkdir(parents=True)
    spec = {"argv": argv, "display_name": "Another environment", "language": "python"}
    (other / "kernel.json").write_text(json.dumps(spec))
    write_chapter(tmp_path / "notebooks", "01_good", WHO)
    said = run_apart(client_file, tmp_path / "out", tmp_path / "notebooks", JUPYTER_PATH=str(tmp_path / "jupyter"))
    assert said == "[('01_good', 'done', '')]"
    seen = json.loads(printed(tmp_path / "out", "01_good"))
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
    assert json.loads(printed(tmp_path / "out", "01_good"))["crmlib"] == str(near / "crmlib" / "__init__.py")


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
    seen = json.loads(printed(tmp_path / "out", "01_good"))
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

    # In one process: to start one takes longer than what it says. Help first, which nothing has prepared.
    commands = [
        ["--help"],
        ["run", "--help"],
        ["check", "nothing/client.yaml", "--language", language],
        ["new", "acme", "--from", "exports", "--language", language],
    ]
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS, json.dumps(commands)],
        env=environment, capture_output=True, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert b"Traceback" not in done.stderr, done.stderr.decode("utf-8", "replace")[-800:]
    assert done.stdout.splitlines()[-1] == b"codes: 0 0 2 0"
    assert (tmp_path / "acme" / "client.yaml").is_file()


# One client, one folder, one at a time


def apart(*arguments, cwd, **environment):
    """A command of the program in a process of its own, not waited for."""
    environment = os.environ | {"PYTHONPATH": str(Path(crmlib.__file__).parents[1])} | environment
    command = [sys.executable, "-m", "crmlib.cli", *map(str, arguments)]
    return subprocess.Popen(command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_clients_in_folders_of_one_name_never_share_a_folder_of_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ours = [load_client(write_client(tmp_path / year / "acme", orders=ORDERS)) for year in ("2024", "2025")]
    seen = []
    for client in ours:
        folder = run_folder(client, None)
        with writing_to(folder, client):
            (folder / "index.html").write_text(str(client.folder))
        seen.append(folder.relative_to(tmp_path).as_posix())
    assert seen == ["reports/acme", "reports/2025-acme"]
    assert [run_folder(client, None).relative_to(tmp_path).as_posix() for client in ours] == seen
    other = load_client(write_client(tmp_path / "acme-emea", "name: Another\n", orders=ORDERS))
    emea = ours[0].path.with_name("emea.yaml")
    emea.write_text(ours[0].path.read_text(encoding="utf-8"), encoding="utf-8")
    with writing_to(run_folder(load_client(emea), None), load_client(emea)):
        pass
    assert run_folder(other, None).name != run_folder(load_client(emea), None).name
    with pytest.raises(UnusableInput, match="another client's run"), writing_to(tmp_path / "reports" / "acme", other):
        pass
    # A client that has moved finds its run again, and so does a copy of it that is sent there on purpose.
    (tmp_path / "2024").rename(tmp_path / "archive")
    moved = load_client(tmp_path / "archive" / "acme" / "client.yaml")
    assert run_folder(moved, None).relative_to(tmp_path).as_posix() == "reports/acme"
    with writing_to(tmp_path / "reports" / "2025-acme", moved):
        pass


def test_checks_of_one_client_at_once_take_turns(tmp_path):
    days = [f"2025-01-0{n % 9 + 1}" for n in range(999)]
    rows = "".join(
        f"{n},c{n},{day},{'x' if n % 7 == 0 else n},{'Test' if n % 2 else ''}\n" for n, day in enumerate(days)
    )
    settings = "customer_ids: pseudonyms\nmax_set_aside: 0.9\n"
    settings += "tables:\n  orders: {from: orders.csv, leave_out: {kind: [Test]}}\n"
    file = write_client(tmp_path / "client", settings, orders="order_id,customer_id,ordered_at,amount,kind\n" + rows)
    started = [apart("check", file, "--out", tmp_path / f"out{n}", cwd=tmp_path) for n in range(3)]
    ended = [(process.communicate(), process.returncode) for process in started]
    assert [code for _, code in ended] == [0, 0, 0], ended
    assert len({(tmp_path / f"out{n}" / "workspace" / "orders.parquet").read_bytes() for n in range(3)}) == 1
    left_out = (file.parent / "quarantine" / "left_out" / "orders.csv").read_text(encoding="utf-8").splitlines()
    assert len(left_out) == 1 + 499


def test_during_a_run_others_of_the_client_go_on_elsewhere_and_nobody_is_forgotten(tmp_path):
    file = write_client(tmp_path / "client", "customer_ids: pseudonyms\n", orders=ORDERS)
    marker, notebooks = tmp_path / "slow.pid", tmp_path / "notebooks"
    write_chapter(notebooks, "01_slow", SLEEPER.format(marker=str(marker)))
    command = [sys.executable, "-c", RUN, str(file), str(tmp_path / "one"), str(notebooks)]
    slow = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(Path(crmlib.__file__).parents[1])})
    _until(lambda: marker.exists() and marker.read_text().isdigit(), 600)
    client = load_client(file)
    for attempt in (forget, plan_forget):
        with pytest.raises(UnusableInput, match="another run, check or notebook") as refused:
            attempt(client, "a")
        assert "wait until it has ended" in str(refused.value)
    with pytest.raises(UnusableInput, match="another run, check or notebook"):
        purge(client)
    with pytest.raises(UnusableInput, match="another run that writes there"):
        runner.run(file, output=tmp_path / "one", notebooks=notebooks)
    write_chapter(tmp_path / "others", "01_good", BEGIN.format(name="01_good"))
    done = runner.run(file, output=tmp_path / "two", notebooks=tmp_path / "others")
    assert [one.status for one in done.chapters] == ["done"]
    slow.kill()
    slow.wait()
    # Killed, it holds nothing any more.
    forget(client, "a")
    assert pq.read_table(tmp_path / "two" / "workspace" / "orders.parquet").num_rows == 1
    runner.run(file, output=tmp_path / "one", notebooks=tmp_path / "others")


def test_while_somebody_is_forgotten_no_run_begins(client_file, tmp_path):
    client = load_client(client_file)
    private_folder(client.folder)
    with removing(client.folder):
        with pytest.raises(UnusableInput, match="a forget or a purge of this client that is under way"):
            runner.run(client_file, output=tmp_path / "out", notebooks=tmp_path)
        with pytest.raises(UnusableInput, match="a forget or a purge of this client that is under way"):
            take_in(client, tmp_path / "workspace")
    assert take_in(client, tmp_path / "workspace").tables == ["orders"]


# Private unless asked


def modes(folder):
    return {path.relative_to(folder).as_posix(): path.stat().st_mode & 0o777 for path in (folder, *folder.rglob("*"))}


@pytest.mark.skipif(os.name != "posix", reason="modes of files are those of POSIX systems")
def test_a_run_is_its_owners_alone_unless_asked(client_file, tmp_path):
    write_chapter(tmp_path / "notebooks", "01_good", BEGIN.format(name="01_good"))
    out, options = tmp_path / "reports" / "acme", {"notebooks": tmp_path / "notebooks"}
    runner.run(client_file, output=out, **options)
    assert {name: oct(mode) for name, mode in modes(out).items() if mode & 0o077} == {}
    runner.run(client_file, output=out, readable=True, **options)
    seen = modes(out)
    assert {name: oct(seen[name]) for name in (".", "index.html", "notebooks", "notebooks/01_good.ipynb")} == {
        ".": "0o755", "index.html": "0o644", "notebooks": "0o755", "notebooks/01_good.ipynb": "0o644",
    }  # fmt: skip
    assert [oct(seen[name]) for name in ("workspace", ".work")] == ["0o700", "0o700"]
    runner.run(client_file, output=out, **options)
    assert {name: oct(mode) for name, mode in modes(out).items() if mode & 0o077} == {}


@pytest.mark.skipif(os.name != "posix", reason="modes of files are those of POSIX systems")
def test_a_run_of_before_is_closed_and_a_folder_of_others_stays_open(client_file, tmp_path):
    old, shared = tmp_path / "old", tmp_path / "shared"
    for folder in (old, shared):
        (folder / "notebooks").mkdir(parents=True)
        (folder / "index.html").write_text("of before")
        (folder / "index.html").chmod(0o644)
        for path in (folder, folder / "notebooks"):
            path.chmod(0o755)
    (shared / "offer.docx").write_text("x")
    (shared / "offer.docx").chmod(0o644)
    for folder in (old, shared):
        command = apart("check", client_file, "--out", folder, cwd=tmp_path)
        assert command.wait() == 0
    assert {name: oct(mode) for name, mode in modes(old).items() if mode & 0o077} == {}
    assert {name: oct(mode) for name, mode in modes(shared).items() if mode & 0o077} == {
        ".": "0o755", "offer.docx": "0o644",
    }  # fmt: skip


# Full disks


@pytest.fixture
def small_disk(tmp_path):
    """A disk of its own, of so many bytes: only the super-user can make one."""
    mounted = []

    def make(size):
        folder = tmp_path / f"disk{len(mounted)}"
        folder.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True)
        if done.returncode:
            pytest.skip("no disk can be mounted here")
        mounted.append(folder)
        return folder

    yield make
    for folder in mounted:
        subprocess.run(["umount", "-l", folder], check=True)


def filled(folder, *, leave):
    """Fill a disk but for so many bytes."""
    room = os.statvfs(folder)
    with (folder / "filler").open("wb") as stream:
        stream.write(b"x" * max(0, room.f_bavail * room.f_frsize - leave))


@pytest.mark.parametrize("share", [0.0, 0.5, 0.85])
def test_a_disk_that_fills_up_during_a_run_is_said_in_words_and_the_next_run_goes_on(
    client_file, tmp_path, small_disk, share
):
    """However far the run comes: it has this share of the room that it takes."""
    disk = small_disk("16m")
    write_chapter(tmp_path / "notebooks", "01_good", BEGIN.format(name="01_good"))
    runner.run(client_file, output=disk / "out", notebooks=tmp_path / "notebooks")
    taken = sum(path.stat().st_blocks * 512 for path in (disk / "out").rglob("*"))
    shutil.rmtree(disk / "out")
    filled(disk, leave=int(share * taken))
    with pytest.raises(UnusableInput, match="a full disk"):
        runner.run(client_file, output=disk / "out", notebooks=tmp_path / "notebooks")
    (disk / "filler").unlink()
    done = runner.run(client_file, output=disk / "out", notebooks=tmp_path / "notebooks")
    assert [one.status for one in done.chapters] == ["done"]
    names = {path.name for path in (disk / "out").iterdir()}
    assert {name for name in names if not made_by_a_run(name)} == set()
    assert not [name for name in names if name.startswith((".index", ".intake", ".workspace"))]


def test_forgetting_on_a_full_disk_is_said_in_words_and_done_the_next_time(tmp_path, small_disk):
    disk = small_disk("32m")
    orders = "".join(f"{n},c{n % 400},2025-01-0{n % 9 + 1},{n % 97}.{n % 89}\n" for n in range(4000))
    file = write_client(
        disk / "client", "customer_ids: pseudonyms\n", orders="order_id,customer_id,ordered_at,amount\n" + orders
    )
    client = load_client(file)
    with writing_to(disk / "out", client):
        take_in(client, disk / "out" / "workspace")
    filled(disk, leave=0)
    with pytest.raises(UnusableInput, match="a full disk"):
        forget(client, "c7")
    assert not list((disk / "out" / "workspace").glob(".*"))
    (disk / "filler").unlink()
    forget(client, "c7")
    assert pq.read_table(disk / "out" / "workspace" / "orders.parquet").num_rows == 3990


def test_a_limit_on_the_size_of_files_is_a_full_disk_too(client_file, tmp_path):
    write_chapter(tmp_path / "notebooks", "01_good", BEGIN.format(name="01_good"))
    limited = f"import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (6_000, 6_000))\n{RUN}"
    command = [sys.executable, "-c", limited, str(client_file), str(tmp_path / "out"), str(tmp_path / "notebooks")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "a full disk, or files larger than you may write" in done.stderr
    assert not [path for path in (tmp_path / "out").rglob(".*") if path.name.startswith((".index", ".workspace-"))]


def test_a_half_written_page_goes_with_the_client(client_file, tmp_path):
    client = load_client(client_file)
    out = tmp_path / "out"
    with writing_to(out, client):
        (out / "manifest.json").write_text("{}")
        (out / ".index.html.0a1b2c3d").write_text("half")
        (out / ".report.xlsx.0a1b2c3d").write_text("half")
    (out / "offer.docx").write_text("x")
    purge(client)
    assert [path.name for path in out.iterdir()] == ["offer.docx"]
