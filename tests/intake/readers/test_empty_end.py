"""Empty rows below a table, far more than there is of it."""

import gzip

import pytest

from crmlib.intake.readers.empty_end import without_empty_end

MILLION = 1 << 20


@pytest.mark.parametrize("line", [b"\n", b",,,\n", b";\r\n", b'"","",""\n', b" \t \n"])
@pytest.mark.parametrize("copied", [True, False])
def test_the_rows_are_left_and_the_export_is_not_touched(tmp_path, line, copied):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    file = (scratch if copied else tmp_path) / "a.csv"
    rows = b'a,b,c\n1,2,3\n,,\n4,"5 "" 6","7\n8"\n'
    file.write_bytes(rows + line * (3 * MILLION // len(line)))
    size = file.stat().st_size
    cut = without_empty_end(file, scratch)
    assert cut.read_bytes() == rows
    assert (cut == file, file.stat().st_size == size) == (copied, not copied)


@pytest.mark.parametrize(
    "content",
    [
        b"a,b\n1,2\n" + b",\n" * 1000,
        b"a,b\n1,2\n" + b",\n" * MILLION + b"3,4\n",
        b'a,b\n1,"2\n' + b"\n" * 3 * MILLION + b'"\n',
    ],
)
def test_a_short_end_and_what_stands_between_rows_or_in_a_cell_stays(tmp_path, content):
    file = tmp_path / "a.csv"
    file.write_bytes(content)
    assert without_empty_end(file, tmp_path).read_bytes() == content


@pytest.mark.parametrize("line", ["\n", ",,,\n"])
def test_the_rows_of_a_packed_file_are_counted_as_ever(make_client, line):
    from crmlib.intake.workspace import take_in

    orders = "order_id,customer_id,ordered_at,amount\n" + "".join(f"{n},a,2024-03-05,{n}\n" for n in range(1, 31))
    client = make_client(orders="", settings="tables: {orders: {from: orders.csv.gz}}\n")
    (client.folder / "orders.csv.gz").write_bytes(gzip.compress((orders + line * 2 * MILLION).encode()))
    told = take_in(client, client.folder / "workspace").account["tables"]["orders"]
    assert (told["read"], told["accepted"]) == (30, 30)
