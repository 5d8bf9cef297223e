"""Files are whole or as they were, and what one process holds another one waits for."""

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
