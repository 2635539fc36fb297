"""A Jupyter server in throw-away folders, and a notebook that is open in a browser tab."""

import ast
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat

SECONDS = 150  # for anything to happen, on a busy machine
# What differs between the two: the program, its options, and where a notebook opens.
APPS = {
    "lab": ("jupyterlab", "LabApp", "doc/tree"),
    "notebook": ("notebook", "JupyterNotebookApp", "notebooks"),
}
# No news and no look for updates: both want the network and cover the page.
QUIET = '{"fetchNews": "false", "checkForUpdates": false, "doNotDisturbMode": true}'


def eventually(check: Callable[[], Any], seconds: float = SECONDS) -> Any:
    """What `check` returns, once it is true; its last error when it never is."""
    end = time.monotonic() + seconds
    while True:
        try:
            value = check()
            if value:
                return value
            error: Exception = AssertionError(f"still {value!r} after {seconds} s")
        except Exception as one:  # noqa: BLE001 -- whatever it is, until the time is over
            error = one
        if time.monotonic() > end:
            raise error
        time.sleep(0.05)


class Server:
    """JupyterLab or Notebook on a free port of this machine."""

    def __init__(self, app: str, root: Path) -> None:
        self.module, self.options, self.path = APPS[app]
        self.root, self.work, self.runtime = root, root / "work", root / "runtime"
        for folder in (self.work, self.runtime, root / "home"):
            folder.mkdir(parents=True)
        settings = root / "settings/@jupyterlab/apputils-extension"
        settings.mkdir(parents=True)
        (settings / "notification.jupyterlab-settings").write_text(QUIET)
        self.log = (root / "server.log").open("wb")
        self.process = subprocess.Popen(
            [
                sys.executable, "-m", self.module, "--no-browser",
                *(["--allow-root"] if os.geteuid() == 0 else []),
                "--ServerApp.ip=127.0.0.1", "--ServerApp.port=0",
                f"--ServerApp.root_dir={self.work}", "--LabApp.news_url=",
                f"--{self.options}.expose_app_in_browser=True",
            ],
            env=self._environment(), stdout=self.log, stderr=self.log, start_new_session=True,
        )  # fmt: skip
        eventually(self._ready)

    def _environment(self) -> dict[str, str]:
        inherited = {
            k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "IPYTHON"))
        }
        return inherited | {
            "HOME": str(self.root / "home"),
            "JUPYTER_CONFIG_DIR": str(self.root / "config"),
            "JUPYTER_DATA_DIR": str(self.root / "data"),
            "JUPYTER_RUNTIME_DIR": str(self.runtime),
            "JUPYTERLAB_SETTINGS_DIR": str(self.root / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(self.root / "workspaces"),
            "IPYTHONDIR": str(self.root / "ipython"),
            "JUPYTER_PLATFORM_DIRS": "1",
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        }

    def _ready(self) -> Any:
        if self.process.poll() is not None:
            raise RuntimeError((self.root / "server.log").read_text()[-3000:])
        info = json.loads(next(self.runtime.glob("jpserver-*.json")).read_text())
        self.url, self.token = info["url"].rstrip("/"), info["token"]
        return self.api("api/status")

    def api(self, path: str, method: str = "GET") -> Any:
        """Ask the server itself."""
        headers = {"Authorization": f"token {self.token}"}
        url = f"{self.url}/{path}"  # of the server that was started here
        request = urllib.request.Request(url, method=method, headers=headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            body = answer.read()
        return json.loads(body) if body else None

    def close(self) -> None:
        """End the server, which ends its kernels."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)  # a session of its own: nobody else
                self.process.wait()
        self.log.close()


class Notebook:
    """A notebook in a tab: `page` is the browser's side, `kernel` the Python side."""

    def __init__(self, server: Server, page: Any, name: str) -> None:
        self.server, self.page, self.name = server, page, name
        self.requests: list[str] = []
        self.errors: list[str] = []
        self._client: Any = None
        page.on("request", lambda request: self.requests.append(request.url))
        # Modules of widgets are loaded from blobs; the application has errors of its own.
        page.on("pageerror", lambda e: "blob:" in (e.stack or "") and self.errors.append(str(e)))
        page.goto(f"{server.url}/{server.path}/{name}?token={server.token}&reset")
        context = "window.jupyterapp?.shell?.currentWidget?.sessionContext"
        page.wait_for_function(f"{context}?.session?.kernel?.status === 'idle'")

    def run_all(self) -> "Notebook":
        """Run every cell; an error in one is an error here."""
        self.command("notebook:run-all-cells")
        cells = "window.jupyterapp.shell.currentWidget.content.model.sharedModel"
        eventually(
            lambda: self.page.evaluate(
                f"() => {cells}.cells.filter(c => c.cell_type === 'code' && c.getSource())"
                ".every(c => c.execution_count !== null && c.executionState !== 'running')"
            )
        )
        wrong = self.page.evaluate(
            f"() => {cells}.toJSON().cells.flatMap(c => c.outputs ?? [])"
            ".filter(o => o.output_type === 'error').map(o => `${o.ename}: ${o.evalue}`)"
        )
        assert not wrong, wrong
        return self

    def command(self, name: str, args: dict[str, Any] | None = None) -> None:
        """Run a command of the application."""
        self.page.evaluate(
            "([name, args]) => window.jupyterapp.commands.execute(name, args)", [name, args or {}]
        )

    def kernel_id(self) -> str:
        """The id of the notebook's kernel."""
        sessions = self.server.api("api/sessions")
        return str(next(s["kernel"]["id"] for s in sessions if s["path"] == self.name))

    def kernel(self, expression: str) -> Any:
        """The value of an expression in the kernel, asked by a client beside the page."""
        if self._client is None:
            from jupyter_client import BlockingKernelClient

            file = self.server.runtime / f"kernel-{self.kernel_id()}.json"
            self._client = BlockingKernelClient(connection_file=str(file))
            self._client.load_connection_file()
            self._client.start_channels()
            self._client.wait_for_ready(SECONDS)
        told = f"__import__('json').dumps({expression}, default=repr)"
        reply = self._client.execute(
            "", silent=True, user_expressions={"x": told}, reply=True, timeout=SECONDS
        )["content"]["user_expressions"]["x"]
        assert reply["status"] == "ok", reply
        return json.loads(ast.literal_eval(reply["data"]["text/plain"]))

    def restart(self) -> None:
        """End the kernel as it stands, and begin a new one."""
        self.forget_kernel()
        context = "window.jupyterapp.shell.currentWidget.sessionContext"
        self.page.evaluate(f"() => {context}.session.kernel.restart()")
        self.command("notebook:clear-all-cell-outputs")

    def forget_kernel(self) -> None:
        """Speak to a new kernel from now on."""
        if self._client is not None:
            self._client.stop_channels()
            self._client = None

    def save(self) -> Path:
        """Save, and say where."""
        self.command("docmanager:save")
        return self.server.work / self.name

    def foreign_requests(self) -> list[str]:
        """What was asked of anybody but the server."""
        own = (self.server.url, self.server.url.replace("http", "ws", 1), "data:", "blob:")
        return [url for url in self.requests if not url.startswith(own)]

    def close(self) -> None:
        """Close the tab and end the kernel."""
        self.forget_kernel()
        self.page.context.close()
        for session in self.server.api("api/sessions"):
            if session["path"] == self.name:
                self.server.api(f"api/sessions/{session['id']}", "DELETE")


def write_notebook(path: Path, cells: list[str]) -> None:
    """A notebook of code cells."""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    for number, cell in enumerate(book.cells):
        cell.id = f"cell-{number}"
    book.metadata["kernelspec"] = {
        "name": "python3", "display_name": "Python 3", "language": "python",
    }  # fmt: skip
    nbformat.write(book, path)
