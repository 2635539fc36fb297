"""Live views in a plain page, their Python side in this process: quick to open, easy to look at.

The page speaks with the widgets as a notebook would (state, messages, binary buffers), so layout,
keys and accessibility can be tested without a server. What a notebook adds is tested in one.
"""

import base64
import json
from pathlib import Path
from typing import Any

import ipywidgets as W

HOST = """<!doctype html><html lang="en"><meta charset="utf-8"><title>datalab</title>
<style>html{color-scheme:light dark}body{margin:16px;background:light-dark(#fff,#111);font:13px system-ui,sans-serif}</style>
<body data-jp-theme-light="THEME"><main id="stage"></main></body></html>"""

MODELS = """
const models = {};
const bytes = (_, v) => v && v.__bytes__ !== undefined
  ? new DataView(Uint8Array.from(atob(v.__bytes__), (c) => c.charCodeAt(0)).buffer) : v;
const told = (text) => JSON.parse(text, bytes);
const asText = (v) => JSON.stringify(v, (_, x) => x instanceof DataView || x instanceof ArrayBuffer || ArrayBuffer.isView(x)
  ? { __bytes__: btoa(String.fromCharCode(...new Uint8Array(x.buffer ?? x))) } : x);
async function tell(id, message) {
  const updates = told(await window.kernel(id, asText(message)));
  for (const [to, name, value] of updates) models[to]?.take(name, value);
}
class Model {
  constructor(id, state) { Object.assign(this, { id, state, heard: {}, dirty: {} }); models[id] = this; }
  get(name) { return this.state[name]; }
  take(name, value) { this.state[name] = value; for (const f of this.heard[`change:${name}`] ?? []) f(); }
  set(name, value) { this.dirty[name] = value; this.take(name, value); }
  save_changes() { const state = this.dirty; this.dirty = {}; tell(this.id, { state }); }
  send(content, _, buffers = []) { tell(this.id, { content, buffers }); }
  on(event, f) { (this.heard[event] ??= []).push(f); }
  off(event, f) { this.heard[event] = (this.heard[event] ?? []).filter((g) => g !== f); }
}
window.poll = () => tell(null, {});
window.mount = async (tree) => {
  const place = async (node, parent) => {
    const el = document.createElement("div");
    el.className = node.classes.join(" ");
    parent.append(el);
    if (node.children) { el.classList.add("widget-box"); for (const child of node.children) await place(child, el); return; }
    const url = URL.createObjectURL(new Blob([node.esm], { type: "text/javascript" }));
    const style = document.createElement("style");
    style.textContent = node.css;
    if (!window.styled) { document.head.append(style); window.styled = true; }
    (await import(url)).default.render({ model: new Model(node.id, told(node.state)), el });
  };
  await place(told(tree), document.getElementById("stage"));
};
"""


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
        self.page.set_content(HOST.replace("THEME", str(not dark).lower()))
        self.page.add_script_tag(content=MODELS)
        self.page.evaluate("(tree) => mount(tree)", _json(self._tree(widget)))

    def _tree(self, widget: Any) -> dict[str, Any]:
        classes = list(widget._dom_classes)
        if isinstance(widget, W.Box):
            return {"classes": classes, "children": [self._tree(one) for one in widget.children]}
        self.widgets[widget.model_id] = widget
        state = {k: v for k, v in widget.get_state().items() if not k.startswith("_")}
        widget.observe(lambda c: self.updates.append((widget.model_id, c.name, c.new)), list(state))
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
