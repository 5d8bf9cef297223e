"""Opening what a client exports: text of any delimiter and encoding, workbooks, JSON, Parquet, also compressed."""

from crmlib.intake.readers.files import find_files
from crmlib.intake.readers.opening import open_source
from crmlib.intake.source import FILE, ROW, Source

__all__ = ["FILE", "ROW", "Source", "find_files", "open_source"]
