// The page's side of `stage.py`: models that speak with Python as those of a notebook do.
const models = {};
const bytes = (_, v) => v && v.__bytes__ !== undefined
  ? new DataView(Uint8Array.from(atob(v.__bytes__), (c) => c.charCodeAt(0)).buffer) : v;
const told = (text) => JSON.parse(text, bytes);
const asText = (v) => JSON.stringify(v, (_, x) => x instanceof DataView || x instanceof ArrayBuffer || ArrayBuffer.isView(x)
  ? { __bytes__: btoa(String.fromCharCode(...new Uint8Array(x.buffer ?? x))) } : x);
async function tell(id, message) {
  const updates = told(await window.kernel(id, asText(message)));
  for (const [to, name, value] of updates) name === "msg:custom" ? models[to]?.hear(name, ...value) : models[to]?.take(name, value);
}
class Model {
  constructor(id, state) { Object.assign(this, { id, state, heard: {}, dirty: {} }); models[id] = this; }
  get(name) { return this.state[name]; }
  take(name, value) { this.state[name] = value; this.hear(`change:${name}`); }
  hear(event, ...told) { for (const f of this.heard[event] ?? []) f(...told); }
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
