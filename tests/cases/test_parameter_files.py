"""Files that parameters name: found beside the YAML from wherever crmlib is called, checked before anything runs."""

from pathlib import Path

import pytest

from crmlib.chapters import chapter_files
from crmlib.client import load_client
from crmlib.intake import take_in
from crmlib.lifecycle import nps
from crmlib.problems import UnusableInput
from crmlib.runner import _job, check_settings

PARAMETERS = [("03_segmentation", "rules"), ("08_nps", "themes_file"), ("13_scorecard", "definitions")]


def wrong(client):
    with pytest.raises(UnusableInput) as refused:
        check_settings(client, chapter_files(None))
    return [str(problem) for problem in refused.value.problems]


def test_themes_beside_the_yaml_are_found_from_any_folder(repository, tmp_path, monkeypatch):
    folder = Path(repository).parent / "shared" / "cases" / "themes_file"
    if not folder.is_dir():
        pytest.skip("the reported case themes_file is not beside this checkout")
    monkeypatch.chdir(tmp_path)
    client = load_client(folder / "client.yaml")
    check_settings(client, chapter_files(None))
    rules = nps.theme_rules(client.beside(client.parameters["08_nps"]["themes_file"]))
    assert rules.labels["caisse"] == "Waiting at the till"


@pytest.mark.parametrize(("chapter", "key"), PARAMETERS)
def test_a_file_that_is_not_there_is_said_with_the_parameter_that_names_it(make_client, chapter, key):
    client = make_client(f"parameters: {{{chapter}: {{{key}: own/file.yaml}}}}\n", orders="order_id\n")
    assert wrong(client) == [
        f"client.yaml, parameters.{chapter}.{key}: found no file 'own/file.yaml'; expected a file, its path relative "
        "to the folder of the YAML, client. To mend it: correct the path, or copy the file there."
    ]


@pytest.mark.parametrize(("chapter", "key"), PARAMETERS)
def test_what_is_wrong_in_such_a_file_is_said_with_its_own_name_and_line(make_client, chapter, key):
    client = make_client(f"parameters: {{{chapter}: {{{key}: own.yaml}}}}\n", orders="order_id\n")
    (client.folder / "own.yaml").write_text("a: [\n", encoding="utf-8")
    (said,) = wrong(client)
    assert said.startswith("own.yaml, line 2, column 1: found text that is not YAML")


def test_a_chapter_is_run_again_when_its_file_has_changed(make_client, tmp_path):
    client = make_client(
        "parameters: {08_nps: {themes_file: own.yaml}}\n",
        surveys="response_id,answered_at,kind,score,comment\n1,2025-01-01,nps,9,late\n",
    )
    own = client.folder / "own.yaml"
    workspace = take_in(client, tmp_path / "w")
    (chapter,) = [file for file in chapter_files(None) if file.name == "08_nps"]

    def fingerprint(words):
        own.write_text(f"themes: {{wait: {{words: {words}}}}}\n", encoding="utf-8")
        return _job(chapter, client, "en", workspace, tmp_path / "run", 60).inputs

    assert fingerprint("[late]") == fingerprint("[late]") != fingerprint("[late, slow]")
