"""The tables that a client's data must become: columns, units, checks, data dictionary."""

from crmlib.contract.tables import TABLES, Column, Table

__all__ = ["TABLES", "Column", "Table"]
