"""The course: exercises that check themselves, built from one source with their solutions."""
