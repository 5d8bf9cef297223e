"""For every test and every example in a docstring."""

import pytest


@pytest.fixture(autouse=True)
def _english():
    """Begin in English and dollars, whatever the one before has set."""
    from crmlib.words import use

    use()
