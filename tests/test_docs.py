"""The pages on settings and profiles say what is true of the code."""

import doctest
import re

from crmlib.client import Client, Merging
from crmlib.intake.profiles.listing import profile_list
from crmlib.mapping import Cancellations, ColumnsToRows, Filling, Join, TableSource


def test_every_key_of_the_yaml_is_explained(repository):
    page = (repository / "docs" / "client.md").read_text(encoding="utf-8")
    page = re.sub("```.*?```", "", page, flags=re.S)
    named = set(re.findall(r"[a-z_]+", " ".join(re.findall(r"`([^`]+)`", page))))
    for part in (Client, TableSource, Filling, Join, Cancellations, ColumnsToRows, Merging):
        keys = {field.alias or name for name, field in part.model_fields.items()} - {"path", "first"}
        assert keys <= named, f"{part.__name__}: {sorted(keys - named)}"


def test_the_list_of_profiles_is_made_from_the_profiles(repository):
    assert (repository / "docs" / "profiles.md").read_text(encoding="utf-8") == profile_list()


def test_the_page_on_lifetime_value_runs_and_names_what_there_is(repository, monkeypatch):
    from crmlib import models
    from crmlib.lifecycle import clv

    file = repository / "docs" / "lifetime_value.md"
    monkeypatch.chdir(repository)
    failed, tried = doctest.testfile(str(file), module_relative=False)
    assert tried >= 7
    assert failed == 0
    page = file.read_text(encoding="utf-8")
    assert set(re.findall(r"`clv\.(\w+)", page)) <= set(clv.__all__)
    named = re.findall(r"`models\.(\w+)", page) + re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    assert set(named) <= set(models.__all__)
