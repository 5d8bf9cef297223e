import duckdb
import pytest

from crmlib.intake.readers import open_source
from crmlib.intake.source import ROW
from crmlib.mapping import Reading


class Reader:
    """Opens files that a test writes, and answers their rows as the table that comes out."""

    def __init__(self, folder):
        self.folder = folder
        self.connection = duckdb.connect()
        self.count = 0

    def write(self, name, content):
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def all(self, file, **reading):
        """The sources in a file and the problems with it; every scratch copy must be gone."""
        self.count += 1
        scratch = self.folder / f"scratch{self.count}"
        scratch.mkdir()
        sources, problems = open_source(
            self.connection,
            file,
            shown_as=file.name,
            name=f"t{self.count}",
            reading=Reading(**reading),
            scratch=scratch,
        )
        assert not list(scratch.iterdir())
        return sources, problems

    def one(self, content, name="orders.csv", **reading):
        """The only source of a file that can be read."""
        path = content if hasattr(content, "suffix") else self.write(name, content)
        sources, problems = self.all(path, **reading)
        assert problems == []
        assert len(sources) == 1
        return sources[0]

    def problem(self, content, name="orders.csv", **reading):
        """The only problem of a file that cannot be read."""
        path = content if hasattr(content, "suffix") else self.write(name, content)
        sources, problems = self.all(path, **reading)
        assert sources == []
        assert len(problems) == 1
        assert problems[0].found
        assert problems[0].remedy
        return problems[0]

    def said(self, sayings):
        """Notes, or reasons beside their rows, in words."""
        return [(one[0], str(one[1])) if isinstance(one, tuple) else str(one) for one in sayings]

    def rows(self, source):
        """{row number: {heading: value}}"""
        columns = ", ".join(f'"{column}"' for column in source.names.values())
        found = self.connection.execute(f'SELECT "{ROW}", {columns} FROM ({source.sql}) ORDER BY 1').fetchall()
        return {row: dict(zip(source.names, cells, strict=True)) for row, *cells in found}


@pytest.fixture
def read(tmp_path):
    return Reader(tmp_path)
