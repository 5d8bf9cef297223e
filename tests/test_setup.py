"""The set-up files agree with each other, and the README says what the Makefile does."""

import re
import subprocess
import sys
import tomllib

import yaml


def locked(repository):
    text = (repository / "requirements.lock").read_text(encoding="utf-8")
    return text, {m.group(1).lower() for m in re.finditer(r"^([A-Za-z0-9._-]+)==", text, re.MULTILINE)}


def names(requirements):
    return {re.split(r"[\[<>=!~; ]", requirement)[0].lower() for requirement in requirements}


def test_every_dependency_is_locked_and_the_lock_meets_its_bounds(repository):
    from importlib.metadata import version

    from packaging.requirements import Requirement

    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    requirements = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    _, lock = locked(repository)
    assert names(requirements) <= lock
    for requirement in map(Requirement, requirements):
        assert requirement.specifier.contains(version(requirement.name)), requirement


def test_what_is_installed_is_what_the_lock_says(repository):
    from importlib.metadata import distributions

    from packaging.requirements import Requirement

    text, _ = locked(repository)
    installed = {re.sub("[-_.]+", "-", d.metadata["Name"].lower()): d.version for d in distributions()}
    for line in re.findall(r"^([A-Za-z0-9._-]+==[^\\\n]+)", text, re.MULTILINE):
        requirement = Requirement(line.strip())
        if requirement.marker is None or requirement.marker.evaluate():
            name = re.sub("[-_.]+", "-", requirement.name.lower())
            assert requirement.specifier.contains(installed[name], prereleases=True), line


def test_the_lock_has_a_hash_for_every_version_and_names_no_host(repository):
    text, lock = locked(repository)
    entries = re.split(r"^(?=[A-Za-z0-9._-]+==)", text, flags=re.MULTILINE)[1:]
    assert len(entries) >= len(lock)
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in text


def test_conda_users_get_the_same_python_and_the_same_lock(repository):
    environment = yaml.safe_load((repository / "environment.yml").read_text(encoding="utf-8"))
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"python{project['requires-python']}" in environment["dependencies"]
    pip = next(d["pip"] for d in environment["dependencies"] if isinstance(d, dict))
    assert "-r requirements.lock" in pip


def test_ci_runs_what_the_readme_promises(repository):
    assert "make test" in (repository / ".ci" / "run").read_text()
    readme = (repository / "README.md").read_text(encoding="utf-8")
    makefile = (repository / "Makefile").read_text(encoding="utf-8")
    for command in set(re.findall(r"`make (\w+)", readme)):
        assert re.search(rf"^{command}:", makefile, re.MULTILINE), command
    for shown in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", readme):
        assert (repository / shown).is_file(), shown


def test_importing_crmlib_loads_no_heavy_library():
    code = "import sys, crmlib; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {
        "pandas",
        "numpy",
        "ibis",
        "duckdb",
        "matplotlib",
        "scipy",
        "statsmodels",
        "sklearn",
        "pydantic",
        "papermill",
    }
    assert heavy.isdisjoint(loaded)
