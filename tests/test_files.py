"""Files are whole or as they were, and what one process holds another one waits for."""

import subprocess
import sys

import pytest

from crmlib.files import hold, replacing, write_whole


def test_what_goes_wrong_halfway_leaves_the_file_as_it_was(tmp_path):
    file = tmp_path / "a.txt"
    write_whole(file, "before")
    with pytest.raises(OSError), replacing(file) as staged:
        staged.with_name("no folder").joinpath("half").write_text("half")
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("a.txt", "before")]


def test_what_is_held_cannot_be_held_twice_until_it_is_closed(tmp_path):
    pytest.importorskip("fcntl", reason="no locks of files on Windows")
    with (tmp_path / ".lock").open("w") as first, (tmp_path / ".lock").open("w") as second:
        hold(first)
        with pytest.raises(OSError):
            hold(second, wait=False)
        first.close()
        hold(second, wait=False)


HOLDER = """
import sys, time
sys.path.insert(0, {beside!r})
sys.modules["fcntl"] = None  # as on Windows
from crmlib.files import hold
handle = open({file!r}, "a+")
hold(handle, shared={shared})
print("held", flush=True)
time.sleep(60)
"""
# Stands in for Windows' own module with what is nearest to it here: locks of bytes that belong to a process.
STANDIN = """
import importlib, sys
hidden = sys.modules.pop("fcntl", None)
fcntl = importlib.import_module("fcntl")
sys.modules["fcntl"] = hidden
LK_NBLCK = 2
def locking(number, mode, count):
    fcntl.lockf(number, fcntl.LOCK_EX | fcntl.LOCK_NB, count, 0, 1)
"""


@pytest.fixture
def on_windows(tmp_path, monkeypatch):
    pytest.importorskip("fcntl")
    (tmp_path / "msvcrt.py").write_text(STANDIN)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.delitem(sys.modules, "msvcrt", raising=False)
    started = []

    def holder(file, *, shared):
        script = HOLDER.format(beside=str(tmp_path), file=str(file), shared=shared)
        process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield holder
    for process in started:
        process.kill()
        process.wait()
    sys.modules.pop("msvcrt", None)


def may_hold(file, **how):
    with file.open("a+") as handle:
        try:
            hold(handle, wait=False, **how)
        except BlockingIOError:
            return False
        return True


def test_on_windows_several_share_and_nobody_is_alone_meanwhile(tmp_path, on_windows):
    file = tmp_path / ".lock"
    first, second = on_windows(file, shared=True), on_windows(file, shared=True)
    assert (may_hold(file, shared=True), may_hold(file)) == (True, False)
    for process in (first, second):
        process.kill()
        process.wait()
    assert may_hold(file)


def test_on_windows_who_is_alone_keeps_all_others_off_and_what_is_written_can_be_read(tmp_path, on_windows):
    file = tmp_path / ".lock"
    file.write_text("whose")
    on_windows(file, shared=False)
    assert (may_hold(file, shared=True), may_hold(file)) == (False, False)
    assert file.read_text() == "whose"


@pytest.mark.parametrize("windows", [False, True])
def test_who_has_to_wait_says_so_once_and_then_holds(tmp_path, on_windows, monkeypatch, windows):
    if not windows:
        monkeypatch.undo()
    file, told = tmp_path / ".lock", []
    script = HOLDER.format(beside=str(tmp_path), file=str(file), shared=False)
    script = script if windows else script.replace('sys.modules["fcntl"] = None', "")
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    process.stdout.readline()

    def waits():
        told.append("waits")
        process.kill()
        process.wait()

    with file.open("a+") as handle:
        hold(handle, waits=waits)
    with file.open("a+") as handle:
        hold(handle, waits=waits)
    assert told == ["waits"]
