"""A browser, plain pages with views in them, and notebooks in JupyterLab and Notebook.

Without Chromium these tests are skipped, with the reason; where `DATALAB_BROWSER_REQUIRED` is set
(continuous integration) that is a failure.
"""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # tests are imported by path, their helpers by name
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = [
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


def _missing() -> str:
    """Why there can be no browser tests; empty when there can."""
    for package in ("playwright", "axe_playwright_python", "jupyterlab", "notebook"):
        if find_spec(package) is None:
            return f"{package} is not installed: pip install 'datalab-explore[browser]'"
    return "" if _chromium() else "no Chromium was found: install chromium or set CHROMIUM"


def _chromium() -> str | None:
    if "CHROMIUM" in os.environ:
        return os.environ["CHROMIUM"]
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None and find_spec("playwright") is not None:
        from playwright.sync_api import sync_playwright

        with sync_playwright() as playwright:
            own = playwright.chromium.executable_path
        found = own if Path(own).exists() else None
    return found


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """One browser for the whole run."""
    missing = _missing()
    if missing and os.environ.get("DATALAB_BROWSER_REQUIRED"):
        pytest.fail(missing)
    if missing:
        pytest.skip(missing)
    from playwright.sync_api import sync_playwright

    arguments = [*ARGUMENTS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_chromium(), args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def stage(chromium: Any) -> Iterator[Callable[..., Any]]:
    """Put a widget on a plain page: ``stage(widget, width=…, dark=…)``."""
    from stage import Stage

    opened = []

    def put(widget: Any, **options: Any) -> Any:
        opened.append(Stage(chromium, widget, **options))
        return opened[-1]

    yield put
    for one in opened:
        errors = one.errors
        one.close()
        assert errors == []


@pytest.fixture(scope="session", params=["lab", "notebook"])
def server(request: pytest.FixtureRequest, tmp_path_factory: Any, chromium: Any) -> Iterator[Any]:
    """A server of each kind."""
    from server import Server

    server = Server(request.param, tmp_path_factory.mktemp(request.param))
    yield server
    server.close()


@pytest.fixture
def notebook(server: Any, chromium: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """Open a notebook, from cells or a file: ``notebook([…]).run_all()``."""
    from server import SECONDS, Notebook, write_notebook

    opened = []
    for ledger in server.work.glob("*.jsonl"):  # decisions of an earlier test
        ledger.unlink()

    def open_(cells: list[str] | Path, *, width: int = 1400) -> Any:
        name = (
            "".join(c if c.isalnum() else "-" for c in request.node.name) + f"{len(opened)}.ipynb"
        )
        if isinstance(cells, Path):
            shutil.copy(cells, server.work / name)
        else:
            write_notebook(server.work / name, cells)
        # What an earlier test set in the page (the theme) is kept by the server: start clean.
        theme = "settings/@jupyterlab/apputils-extension/themes.jupyterlab-settings"
        (server.root / theme).unlink(missing_ok=True)
        context = chromium.new_context(viewport={"width": width, "height": 1000})
        context.set_default_timeout(SECONDS * 1000)
        # Whatever asks another machine fails at once, and the test sees it.
        context.route(lambda url: not url.startswith(server.url), lambda route: route.abort())
        opened.append(Notebook(server, context.new_page(), name))
        return opened[-1]

    yield open_
    for book in opened:
        book.close()
