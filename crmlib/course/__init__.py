"""The course: exercises that check themselves, built from one source with their solutions."""

from crmlib.course.checks import Answer, compare_choice, compare_number, compare_table

__all__ = ["Answer", "compare_choice", "compare_number", "compare_table"]
