"""What is mended in the cells of a source, column by column: examined as a whole, decided, stated, counted."""

from __future__ import annotations

from crmlib.intake.repairs.cells import HIDDEN, REPAIRS, Cell, Habits, Mended, Repair
from crmlib.intake.repairs.examination import examine

__all__ = ["HIDDEN", "REPAIRS", "Cell", "Habits", "Mended", "Repair", "examine"]
