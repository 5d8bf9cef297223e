"""What is mended in the cells of a source, column by column: examined as a whole, decided, stated, counted."""

from __future__ import annotations

from crmlib.intake.repairs.cells import HIDDEN, Cell, Habits, Mended, Repair, words
from crmlib.intake.repairs.examination import examine, read_as_written

__all__ = ["HIDDEN", "Cell", "Habits", "Mended", "Repair", "examine", "read_as_written", "words"]
