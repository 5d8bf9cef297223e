"""From a finished run to what a manager reads."""

from crmlib.report.briefing import write_briefing

__all__ = ["write_briefing"]
