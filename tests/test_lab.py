"""``crmlib lab``: a real server that opens at the course map, with JupyterLab's own options passed on."""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from crmlib.chapters import notebooks_folder
from crmlib.course.build import builds
from crmlib.course.map import course_map


@pytest.fixture
def server(tmp_path):
    """The address of a running server, started as root is allowed to."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    options = ["--allow-root", "--no-browser", "--port", str(port), "--IdentityProvider.token=secret"]
    other = tmp_path / "jupyter" / "kernels" / "python3"
    other.mkdir(parents=True)
    (other / "kernel.json").write_text('{"argv": ["false"], "display_name": "Another environment"}')
    environment = os.environ | {
        "JUPYTER_RUNTIME_DIR": str(tmp_path),
        "JUPYTERLAB_WORKSPACES_DIR": str(tmp_path / "w"),
        "JUPYTER_PATH": str(tmp_path / "jupyter"),
    }
    process = subprocess.Popen([sys.executable, "-m", "crmlib.cli", "lab", *options], env=environment)
    yield f"http://localhost:{port}"
    process.terminate()
    assert process.wait(30) is not None


def answered(address):
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    for _ in range(120):
        try:
            return browser.open(address)
        except urllib.error.URLError:
            time.sleep(0.5)
    raise AssertionError(f"no answer from {address}")


def test_the_lab_opens_at_the_rendered_course_map_and_passes_options_on(server):
    first = answered(f"{server}/?token=secret")
    assert first.status == 200
    assert first.url.split("?")[0] == f"{server}/lab/tree/{notebooks_folder().name}/README.md"
    documents = answered(f"{server}/lab/api/settings/@jupyterlab/docmanager-extension:plugin?token=secret")
    properties = json.load(documents)["schema"]["properties"]
    assert properties["defaultViewers"]["default"] == {"markdown": "Markdown Preview"}
    kernels = json.load(answered(f"{server}/api/kernelspecs?token=secret"))["kernelspecs"]
    assert kernels["python3"]["spec"]["argv"] == ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]


def test_every_link_of_the_course_map_leads_to_a_notebook_and_no_two_tabs_have_one_name():
    linked = re.findall(r"\]\((\S+\.ipynb)\)", course_map())
    assert [link for link in linked if not (notebooks_folder() / link).is_file()] == []
    names = [built.target.name for built in builds()]
    assert len(names) == len(set(names)) == len(linked)
