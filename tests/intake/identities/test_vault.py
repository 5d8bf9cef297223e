"""The vault cannot be read without its key, tells every damage, and logs every access."""

import gzip
import json
import secrets
import stat
import zlib

import pyarrow as pa
import pytest

from crmlib.intake.identities import vault as vaults
from crmlib.intake.identities.pseudonyms import pseudonym
from crmlib.intake.identities.vault import COLUMNS, Vault
from crmlib.intake.identities.vault_key import Key, client_key
from crmlib.problems import UnusableInput

PEOPLE = [
    ("C-1001", "张三丰测试", "zhang@example.cn", "13800001234", "上海市南京路1号"),
    ("C-1002", "Anna Schmidt", "anna@example.com", "+49 170 1234567", None),
    ("C-1003", "Anna Schmidt", None, None, ""),
]


def table(key, people=PEOPLE, **more):
    columns = dict(zip(COLUMNS[1:], map(list, zip(*people, strict=True)), strict=True))
    return pa.table({"pseudonym": [pseudonym(key, person[0]) for person in people], **columns, **more})


@pytest.fixture
def vault(tmp_path):
    opened = Vault(tmp_path, client_key(tmp_path))
    opened.write(table(client_key(tmp_path)), "take in")
    return opened


def sealed(vault):
    return vault.folder / "identities.sealed"


def log(vault):
    return [json.loads(line) for line in (vault.folder / "access.log").read_text().splitlines()]


def test_what_goes_in_comes_out(tmp_path, vault):
    key = client_key(tmp_path)
    assert Vault(tmp_path, key).read("test").equals(table(key))


def test_further_columns_are_kept(tmp_path):
    key = client_key(tmp_path)
    wide = table(key, wechat=["zs", None, "as"])
    Vault(tmp_path, key).write(wide, "test")
    assert Vault(tmp_path, key).read("test")["wechat"].to_pylist() == ["zs", None, "as"]


def test_a_new_vault_is_empty(tmp_path):
    vault = Vault(tmp_path, client_key(tmp_path))
    assert (vault.read("test").num_rows, vault.read("test").column_names) == (0, list(COLUMNS))
    assert vault.forgotten() == frozenset()


def test_only_the_asked_for_are_looked_up(tmp_path, vault):
    key = client_key(tmp_path)
    found = vault.lookup([pseudonym(key, "C-1002"), "P0000000000000000"], "call back")
    assert found["email"].to_pylist() == ["anna@example.com"]
    assert vault.lookup([], "nobody").num_rows == 0


def test_nothing_of_it_can_be_read_without_the_key(vault):
    vault.forget(vault.read("test")["pseudonym"][2].as_py())
    for file in vault.folder.iterdir():
        content = file.read_bytes()
        for row in (*PEOPLE, tuple(COLUMNS[1:])):
            for value in filter(None, row):
                for encoding in ("utf-8", "utf-16-le", "gb18030"):
                    assert value.encode(encoding) not in content, file.name
        assert b"PAR1" not in content
        # Whatever begins anywhere in it unpacks to nothing.
        if file.suffix == ".sealed":
            assert len(zlib.compress(content)) >= len(content)
            for at in range(len(content)):
                for opened in (zlib.decompress, gzip.decompress):
                    with pytest.raises((zlib.error, OSError, EOFError)):
                        opened(content[at:])


def test_the_same_identities_are_never_sealed_the_same_way_twice(tmp_path, vault):
    before = sealed(vault).read_bytes()
    vault.write(vault.read("test"), "again")
    after = sealed(vault).read_bytes()
    assert len(before) == len(after)
    assert before[39:] != after[39:]


def test_another_key_is_refused_in_words(tmp_path, vault):
    for other in (Key("b2", "a test", secrets.token_bytes(32)), Key("b2", "a test", client_key(tmp_path).secret)):
        with pytest.raises(UnusableInput, match="another client's key \\(a test\\)"):
            Vault(tmp_path, other).read("test")


def test_the_name_of_the_key_is_no_way_in(tmp_path, vault):
    """A file that claims the key of somebody who wants to read it does not open either."""
    other = Key("b2", "a test", secrets.token_bytes(32))
    content = bytearray(sealed(vault).read_bytes())
    content[15:23] = bytes.fromhex(other.check)
    sealed(vault).write_bytes(bytes(content))
    with pytest.raises(UnusableInput, match="whose content was changed"):
        Vault(tmp_path, other).read("test")


def test_any_changed_byte_is_noticed(vault):
    content = sealed(vault).read_bytes()
    for at in range(0, len(content), 7):
        changed = bytearray(content)
        changed[at] ^= 1
        sealed(vault).write_bytes(bytes(changed))
        with pytest.raises(UnusableInput):
            vault.read("test")


def test_every_cut_and_addition_is_noticed(vault):
    content = sealed(vault).read_bytes()
    for changed in [*(content[:n] for n in range(0, len(content), 11)), content + b"x", content + content[39:], b""]:
        sealed(vault).write_bytes(changed)
        with pytest.raises(UnusableInput, match=r"cut off|moved|added behind"):
            vault.read("test")


@pytest.fixture
def in_chunks(vault, monkeypatch):
    """A vault file of many chunks, in pieces: head, chunks."""
    monkeypatch.setattr(vaults, "_CHUNK", 100)
    vault.write(vault.read("test"), "in chunks")
    content = sealed(vault).read_bytes()
    chunk = 13 + 12 + 100 + 16
    return content[:39], [content[at : at + chunk] for at in range(39, len(content), chunk)]


def test_chunks_are_put_together_again(vault, in_chunks):
    assert len(in_chunks[1]) > 10
    assert vault.read("test")["customer_id"].to_pylist() == ["C-1001", "C-1002", "C-1003"]


@pytest.mark.parametrize("change", ["last lost", "one lost", "swapped", "doubled", "of an earlier file"])
def test_chunks_cannot_be_left_out_or_moved(vault, in_chunks, change):
    head, chunks = in_chunks
    if change == "last lost":
        chunks = chunks[:-1]
    elif change == "one lost":
        chunks = chunks[:3] + chunks[4:]
    elif change == "swapped":
        chunks = [chunks[1], chunks[0], *chunks[2:]]
    elif change == "doubled":
        chunks = [chunks[0], *chunks]
    else:
        vault.write(vault.read("test"), "again")
        head = sealed(vault).read_bytes()[:39]
    sealed(vault).write_bytes(head + b"".join(chunks))
    with pytest.raises(UnusableInput, match=r"cut off|moved|changed"):
        vault.read("test")


def test_relabelled_chunks_are_noticed(vault, in_chunks):
    """Whoever moves two chunks may well correct the positions that they claim."""
    head, chunks = in_chunks
    moved = [chunks[0][:8] + chunks[1][8:], chunks[1][:8] + chunks[0][8:], *chunks[2:]]
    sealed(vault).write_bytes(head + b"".join(moved))
    with pytest.raises(UnusableInput, match="changed"):
        vault.read("test")


def test_one_file_of_the_vault_is_not_taken_for_another(vault):
    vault.forget("P0000000000000000")
    (vault.folder / "forgotten.sealed").write_bytes(sealed(vault).read_bytes())
    with pytest.raises(UnusableInput, match="changed"):
        vault.forgotten()


def test_a_forgotten_person_is_out_and_stays_out(tmp_path, vault):
    key = client_key(tmp_path)
    gone = pseudonym(key, "C-1001")
    assert vault.forget(gone) == 1
    assert vault.read("test")["customer_id"].to_pylist() == ["C-1002", "C-1003"]
    vault.write(table(key), "take in again")
    assert vault.read("test")["customer_id"].to_pylist() == ["C-1002", "C-1003"]
    assert vault.forgotten() == {gone}
    assert vault.forget(gone) == 0


def test_somebody_who_never_was_there_can_be_forgotten(tmp_path):
    vault = Vault(tmp_path, client_key(tmp_path))
    assert vault.forget("P0123456789abcdef") == 0
    assert vault.forgotten() == {"P0123456789abcdef"}
    with pytest.raises(ValueError, match="pseudonym"):
        vault.forget("Anna")


def test_rows_without_a_pseudonym_stay(tmp_path, vault):
    key = client_key(tmp_path)
    nobody = pa.array([None, None], pa.string())
    guests = pa.table({"pseudonym": nobody, "customer_id": nobody})
    vault.forget(pseudonym(key, "C-1001"))
    vault.write(guests, "guests")
    assert vault.read("test").num_rows == 2


def test_identities_are_texts_with_an_id(tmp_path, vault):
    key = client_key(tmp_path)
    with pytest.raises(ValueError, match="without pseudonym"):
        vault.write(pa.table({"customer_id": ["a"]}), "test")
    with pytest.raises(ValueError, match="born is not"):
        vault.write(table(key, born=[1, 2, 3]), "test")
    assert vault.read("test").num_rows == 3


def test_every_access_is_logged_and_nobody_is_named(tmp_path, vault):
    key = client_key(tmp_path)
    gone = pseudonym(key, "C-1001")
    vault.read("the 360° view")
    vault.lookup([gone], "call back")
    vault.forgotten()
    vault.forget(gone)
    with pytest.raises(UnusableInput):
        Vault(tmp_path, Key("b2", "a test", bytes(32))).read("curious")
    entries = log(vault)
    assert [(e["what"], e["why"], e["rows"]) for e in entries] == [
        ("write", "take in", 3),
        ("read", "the 360° view", 3),
        ("look up", "call back", 1),
        ("read forgotten", "leave out forgotten persons", 0),
        ("forget", "forget a person", 1),
        ("read (refused)", "curious", 0),
    ]
    assert all(e["user"] and e["command"] and e["time"].endswith("+00:00") for e in entries)
    written = (vault.folder / "access.log").read_text()
    assert not [v for row in PEOPLE for v in row if v and v in written]
    assert gone not in written


def test_files_of_the_vault_are_closed_to_others(vault):
    vault.forget("P0123456789abcdef")
    assert {stat.S_IMODE(p.stat().st_mode) for p in vault.folder.iterdir()} == {0o600}
    assert stat.S_IMODE(vault.folder.stat().st_mode) == 0o700


def test_an_interrupted_write_leaves_the_vault_as_it_was(tmp_path, vault, monkeypatch):
    key = client_key(tmp_path)

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(vaults._Sealing, "finish", interrupted)
    with pytest.raises(KeyboardInterrupt):
        vault.write(table(key, PEOPLE[:1]), "test")
    monkeypatch.undo()
    assert vault.read("test").num_rows == 3
    assert sorted(p.suffix for p in vault.folder.iterdir() if p.is_file() and "identities" in p.name) == [".sealed"]
