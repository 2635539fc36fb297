"""Live views in a plain page, their Python side in this process: quick to open, easy to look at.

The page speaks with the widgets as a notebook would (state, messages, binary buffers), so layout,
keys and accessibility can be tested without a server. What a notebook adds is tested in one.
"""

import base64
import json
from pathlib import Path
from typing import Any

import ipywidgets as W

HERE = Path(__file__).parent


def _json(value: Any) -> str:
    def other(one: Any) -> Any:
        if isinstance(one, bytes | memoryview):
            return {"__bytes__": base64.b64encode(bytes(one)).decode()}
        return str(one)

    return json.dumps(value, default=other)


def _unpacked(value: Any) -> Any:
    if isinstance(value, dict):
        if "__bytes__" in value:
            return memoryview(base64.b64decode(value["__bytes__"]))
        return {key: _unpacked(one) for key, one in value.items()}
    return [_unpacked(one) for one in value] if isinstance(value, list) else value


class Stage:
    """A page with the views of one widget in it."""

    def __init__(
        self, browser: Any, widget: Any, *, width: int = 1360, height: int = 900, dark: bool = False
    ) -> None:
        self.widgets: dict[str, Any] = {}
        self.updates: list[tuple[str, str, Any]] = []
        self.errors: list[str] = []
        self.context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
        )
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        self.page.expose_function("kernel", self._asked)
        self.page.set_content(
            (HERE / "stage.html").read_text().replace("THEME", str(not dark).lower())
        )
        self.page.add_script_tag(path=HERE / "stage.js")
        self.page.evaluate("(tree) => mount(tree)", _json(self._tree(widget)))

    def _tree(self, widget: Any) -> dict[str, Any]:
        classes = list(widget._dom_classes)
        if isinstance(widget, W.Box):
            return {"classes": classes, "children": [self._tree(one) for one in widget.children]}
        self.widgets[widget.model_id] = widget
        state = {k: v for k, v in widget.get_state().items() if not k.startswith("_")}
        model = widget.model_id
        widget.observe(lambda c: self.updates.append((model, c.name, c.new)), list(state))
        widget.send = lambda content, buffers=(): self.updates.append(
            (model, "msg:custom", [content, list(buffers)])
        )
        return {
            "id": widget.model_id, "classes": classes, "state": _json(state),
            "esm": widget._esm, "css": widget._css,
        }  # fmt: skip

    def _asked(self, model: str | None, text: str) -> str:
        message = _unpacked(json.loads(text))
        if model is not None:
            widget = self.widgets[model]
            if "state" in message:
                widget.set_state(message["state"])
            else:
                widget._handle_custom_msg(message["content"], message["buffers"])
        sent, self.updates = self.updates, []
        return _json(sent)

    def poll(self) -> None:
        """Fetch what the Python side did by itself."""
        self.page.evaluate("() => poll()")

    def shot(self, path: Path | str) -> None:
        """A picture of everything."""
        self.page.wait_for_timeout(150)
        self.page.screenshot(path=str(path), full_page=True)

    def close(self) -> None:
        self.context.close()
