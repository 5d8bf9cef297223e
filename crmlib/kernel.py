"""The kernel that runs a notebook: this interpreter and this package, whatever kernels and settings a user has."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import signal
import sys
import traceback
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

_OF_THE_USER = ("PYTHONSTARTUP", "PYTHONSAFEPATH", "JUPYTER_DEFAULT_PROVISIONER_NAME")


def with_own_kernel(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment in which the kernel ``python3`` is the interpreter that runs this, before all others.

    Jupyter looks for kernels along a path, on which another environment's may come first. Where a kernel's command
    is ``python``, as in our ``kernels/python3``, Jupyter puts the running interpreter.
    """
    found = [str(Path(__file__).parent), environment.get("JUPYTER_PATH", "")]
    return {**environment, "JUPYTER_PATH": os.pathsep.join(filter(None, found))}


def with_own_settings(environment: Mapping[str, str], private: str | Path) -> dict[str, str]:
    """An environment for kernels that read no settings of the user's and import what this process would import.

    Args:
        environment: to begin with.
        private: an empty folder, in place of the user's folders of IPython and Jupyter.
    """
    plotting = importlib.util.find_spec("matplotlib")
    places = plotting.submodule_search_locations if plotting else None
    own = {
        "IPYTHONDIR": str(private),
        "JUPYTER_CONFIG_DIR": str(private),
        "JUPYTER_RUNTIME_DIR": str(private),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "PYTHONPATH": os.pathsep.join(os.path.abspath(place) for place in sys.path),
    }
    if places:
        own["MATPLOTLIBRC"] = str(Path(places[0], "mpl-data", "matplotlibrc"))
    kept = {name: value for name, value in environment.items() if name not in _OF_THE_USER}
    return with_own_kernel(kept | own)


class KernelInWaiting:
    """A copy of this process that becomes a kernel when it is told to, with all that is loaded here.

    Make it before this process has threads. What it says of itself goes where this process says it. Otherwise it is
    handled as a ``subprocess.Popen``; one that is never told anything ends with this process.
    """

    stdin = stdout = stderr = None

    def __init__(self) -> None:
        told, self._tell = os.pipe()
        self._code: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._tell)
            _wait_and_be_a_kernel(told)
        os.close(told)

    def begin(self, command: Sequence[str], environment: Mapping[str, str], folder: str) -> None:
        """Become what ``python -m`` and this command would be, in an environment and a working directory."""
        with os.fdopen(self._tell, "w") as stream:
            json.dump({"command": list(command), "environment": dict(environment), "folder": folder}, stream)

    def poll(self) -> int | None:
        """The code with which it has ended; None as long as it lives."""
        return self._ended(os.WNOHANG)

    def wait(self) -> int | None:
        """Wait for its end; the code."""
        return self._ended(0)

    def _ended(self, how: int) -> int | None:
        if self._code is None:
            pid, status = os.waitpid(self.pid, how)
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
        return self._code

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it still lives."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)


def _wait_and_be_a_kernel(told: int) -> NoReturn:
    code = 1
    try:
        with os.fdopen(told) as stream:
            said = stream.read()
        if said:
            given = json.loads(said)
            os.setsid()
            signal.signal(signal.SIGINT, signal.default_int_handler)
            os.environ.clear()
            os.environ.update(given["environment"])
            os.chdir(given["folder"])
            # What these have asked when they were loaded has another answer in a kernel: is there a parent, a terminal?
            sys.argv = [*given["command"], f"--IPKernelApp.parent_handle={os.getppid()}"]
            import pandas
            from ipykernel.kernelapp import launch_new_instance

            pandas.set_option("display.max_columns", 20)
            launch_new_instance()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def manager_of(kernel: KernelInWaiting | None, socket: str) -> type[Any]:
    """The class of Jupyter's manager whose kernel listens on sockets in a private folder, and is ``kernel`` if given.

    The path of ``socket`` is given whole: else every kernel would use ``kernel-ipc-1`` in its working directory.
    """
    from jupyter_client.manager import AsyncKernelManager
    from jupyter_client.provisioning.local_provisioner import LocalProvisioner

    class Provisioner(LocalProvisioner):
        process: Any

        async def launch_kernel(self, cmd: list[str], **settings: Any) -> Any:
            assert kernel is not None
            environment = settings["env"] | {"JPY_PARENT_PID": str(os.getpid())}
            self.cwd = settings.get("cwd") or os.getcwd()
            kernel.begin(cmd[cmd.index("ipykernel_launcher") :], environment, str(self.cwd))
            self.process, self.pid, self.pgid = kernel, kernel.pid, kernel.pid
            return self.connection_info

    class KernelManager(AsyncKernelManager):
        def __init__(self, **settings: Any) -> None:
            super().__init__(**settings)
            self.transport = "ipc"
            self.ip = socket

        async def _async_pre_start_kernel(self, **settings: Any) -> Any:
            if kernel is not None and self.provisioner is None:
                self.kernel_id = self.kernel_id or str(uuid.uuid4())
                self.provisioner = Provisioner(kernel_id=self.kernel_id, kernel_spec=self.kernel_spec, parent=self)
            return await super()._async_pre_start_kernel(**settings)

    return KernelManager
