// What every view uses; stands in front of its module. Children that are strings become text nodes,
// never markup: nothing of the data set is ever parsed as HTML.

function h(tag, attributes = {}, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") e.addEventListener(name, value);
    else if (name === "value" || name === "checked" || name === "disabled") e[name] = value;
    else e.setAttribute(name, value === true ? "" : value);
  }
  return fill(e, ...children);
}

// Puts children (lists of lists too; undefined, null and false are left out) in place of what was there.
function fill(e, ...children) {
  e.replaceChildren(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false));
  return e;
}

const button = (label, click, attributes = {}) => h("button", { type: "button", click, ...attributes }, label);
const key = (name) => h("kbd", { "aria-hidden": "true" }, name);
// Names often begin alike: long ones lose their middle, and are told in full when pointed at.
function short(name, limit) {
  const signs = [...name], wide = (sign) => (sign.codePointAt(0) < 0x1100 ? 1 : 2); // ideographs, emoji
  const fitting = (list, room) => list.filter((sign) => (room -= wide(sign)) >= 0).length;
  if (fitting(signs, limit) === signs.length) return name;
  const ends = (limit - 1) / 2, tail = fitting([...signs].reverse(), Math.floor(ends));
  return `${signs.slice(0, fitting(signs, Math.ceil(ends))).join("")}…${signs.slice(-tail).join("")}`;
}
function named(name, limit, attributes = {}) {
  const text = short(name, limit);
  return h("bdi", { title: text === name ? null : name, ...attributes }, text);
}
const tag = (kind, text, limit = 16) => named(text, limit, { class: `tag ${kind}` });
// Text of the data, every second part of it marked.
const parted = (parts) => parts.map((text, i) => (i % 2 ? h("mark", {}, text) : text));
const count = (n) => n.toLocaleString("en");
const rowsOf = (n) => `${count(n)} ${n === 1 ? "row" : "rows"}`;
const bar = (share) => h("i", { class: "bar", style: `--w:${Number(share)}` });

// Binary traits arrive as views that may start anywhere: copied, then read as what they are.
const numbers = (Type, view) =>
  new Type(view ? view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength) : 0);

function picture(image, alt) {
  if (!image.data) return h("span", { class: "nopic" }, image.reason);
  const src = URL.createObjectURL(new Blob([image.data], { type: image.mime }));
  const { width, height } = image;
  return h("img", { src, alt, style: `aspect-ratio:${width}/${height}`, load: () => URL.revokeObjectURL(src) });
}

// The static report that stands before the view in the same output, hidden while the view is there.
function replaceReport(model, el) {
  const id = model.get("static_id");
  if (!id) return () => {};
  const show = (yes) => {
    const place = el.closest(".jp-OutputArea, .output_area, .cell_container") ?? document;
    for (const e of place.querySelectorAll(`.${CSS.escape(id)}`))
      (e.closest(".jp-OutputArea-child") ?? e).style.display = yes ? "" : "none";
  };
  const settle = () => {
    show(false);
    // The report was long, so the notebook may have made the output scroll; the view needs no frame.
    el.closest(".jp-mod-outputsScrolled")?.classList.remove("jp-mod-outputsScrolled");
  };
  const timers = [0, 100, 500, 1500].map((wait) => setTimeout(settle, wait)); // attached a little later
  return () => { timers.forEach(clearTimeout); show(true); };
}

// What is drawn in colours that the theme has given: again when it changes. A transition that takes
// no time follows every way in which a colour may change: the system's, the host's, a style sheet's.
function onTheme(el, draw, ends) {
  el.classList.add("themed");
  const changed = (e) => { if (e.target === el && e.propertyName === "color") draw(); };
  el.addEventListener("transitionend", changed);
  ends(() => el.removeEventListener("transitionend", changed));
}

// A view: `setup` builds what stays and returns `draw`, which is called when the kernel has news.
function view(setup, watched = ["content"]) {
  return {
    render({ model, el }) {
      el.classList.add("dl");
      // Keys are ours here, not the notebook's: it looks for this mark on what has the focus.
      el.addEventListener("focusin", (e) => { e.target.dataset.lmSuppressShortcuts = "true"; });
      const set = (values) => {
        for (const [name, value] of Object.entries(values)) model.set(name, value);
        model.save_changes();
      };
      const ask = (action, args = {}) => model.send({ do: action, args });
      const endings = [], ends = (f) => endings.push(f); // what to undo when the view goes
      const on = (event, f) => { model.on(event, f); ends(() => model.off(event, f)); };
      const drawing = setup({ model, el, set, ask, on, ends });
      // On a busy machine the view may stand there before its content has come.
      const draw = () => Object.keys(model.get("content") ?? {}).length && drawing();
      let queued = false; // several traits arrive together: draw once
      const later = () => {
        if (queued) return;
        queued = true;
        queueMicrotask(() => { queued = false; draw(); });
      };
      for (const name of watched) on(`change:${name}`, later);
      ends(replaceReport(model, el));
      draw();
      return () => { for (const end of endings) end(); };
    },
  };
}
