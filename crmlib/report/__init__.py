"""From a finished run to the page that a manager reads."""

from crmlib.report.page import write_report

__all__ = ["write_report"]
