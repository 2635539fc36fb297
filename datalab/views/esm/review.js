// Deciding on rows: a bar of buttons, the keys, and a panel that asks before many rows are changed.

const DECISIONS = [ // key, verdict, button, help
  ["k", "keep", "Keep", "keep the given label: the row is right as it is"],
  ["x", "exclude", "Exclude", "leave the row out of the corrected data"],
  ["v", "needs_review", "Later", "needs another look"],
];
const HELP = [
  ["↑ ↓", "previous, next row"], ["PgUp PgDn", "previous, next page"], ["Space", "select the row"],
  ["Shift ↑ ↓", "select on the way"], ["a", "select all rows that are listed, on all pages"],
  ["r", "relabel to the suggested class"], ["l", "relabel to any class, by typing"],
  ...DECISIONS.map(([k, , , help]) => [k, help]),
  ["n", "write a note"], ["p", "play the recording, or stop it"], ["u", "undo"], ["Shift u", "redo"], ["/", "go to the filter"],
  ["Esc", "close, drop the selection, stop searching"], ["?", "show or hide these keys"],
];
const VERBS = { keep: "Keep", relabel: "Relabel", exclude: "Exclude", needs_review: "Look again later at", note: "Note on" };

function reviewing({ model, set, ask, sound, home }) {
  const buttons = h("div", { class: "acts", role: "group", "aria-label": "decide" });
  const panel = h("div", { class: "panel", role: "group", "aria-label": "decision", hidden: true });
  const close = () => {
    panel.hidden = true;
    panel.replaceChildren();
    if (model.get("preview")) set({ preview: null });
    home()?.focus();
  };
  const open = (...children) => {
    fill(panel, children);
    panel.hidden = false;
    panel.querySelector("input, .primary")?.focus();
  };

  // One row is decided on at once; for many the kernel answers with a preview, and waits.
  const decide = (verdict, value = null, note = null) => ask("decide", { verdict, value, note });
  const ready = (label, act) => h("div", { class: "row" },
    button([label, key("Enter")], act, { class: "primary" }), button(["Cancel", key("Esc")], close));
  const type = (label, list, act) => {
    const input = h("input", { "aria-label": label, list: list.length ? `${model.get("static_id") || "dl"}-classes` : null });
    const go = () => { const text = input.value.trim(); if (text) { close(); act(text); } };
    input.addEventListener("keydown", (e) => { if (e.key === "Enter") { e.preventDefault(); go(); } });
    const names = h("datalist", { id: input.getAttribute("list") }, list.map((value) => h("option", { value })));
    open(h("div", { class: "row" }, h("span", { class: "muted" }, label), input, names, button(["OK", key("Enter")], go, { class: "primary" }), button(["Cancel", key("Esc")], close)));
  };
  const about = () => {
    const { acted_on: n, name } = model.get("content");
    return n === 1 ? `row ${short(name, 30)}` : rowsOf(n);
  };
  const relabel = () => decide("relabel");
  const anyClass = () => type(`New label${model.get("content").sets ? "s, with commas between," : ""} for ${about()}`, model.get("content").classes, (text) => decide("relabel", text));
  const note = () => type(`Note on ${about()}`, [], (text) => decide("note", null, text));
  const help = () => panel.querySelector(".keys") ? close() : open(
    h("dl", { class: "keys" }, HELP.filter(([k]) => k !== "p" || model.get("content").sounds).map(([k, text]) => h("div", {}, h("dt", {}, h("kbd", {}, k)), h("dd", {}, text)))),
    h("div", { class: "row" }, button(["Close", key("Esc")], close, { class: "primary" })));

  function draw() {
    const c = model.get("content"), none = !c.acted_on, many = c.acted_on > 1;
    const used = buttons.contains(document.activeElement) ? document.activeElement.dataset.do : null;
    const act = (name, label, k, click, more = {}) =>
      button([h("span", {}, label), key(k)], click, { "data-do": name, "aria-keyshortcuts": k, ...more });
    const suggestion = many ? "Relabel as suggested" : ["Relabel to ", named(c.suggestion, 18)];
    fill(buttons,
      h("span", { class: many ? "about many" : "about" }, many ? `${rowsOf(c.acted_on)} selected` : none ? "no row" : ["Row ", named(c.name, 16)]),
      c.labelled ? act("relabel", suggestion, "r", relabel, { class: "primary", disabled: none || (!many && !c.suggestion) }) : "",
      ...DECISIONS.map(([k, verdict, label]) => act(verdict, verdict === "keep" && c.given && !many ? [label, " ", named(c.given, 8)] : label, k, () => decide(verdict), { disabled: none })),
      c.labelled ? act("label", "Label…", "l", anyClass, { disabled: none }) : "",
      act("note", "Note…", "n", note, { disabled: none }),
      h("span", { class: "gap" }),
      act("all", `All ${rowsOf(c.total)}`, "a", () => ask("all"), { disabled: c.total < 2 }),
      act("undo", "Undo", "u", () => ask("undo"), { disabled: !c.undo }),
      act("redo", "Redo", "U", () => ask("redo"), { disabled: !c.redo }),
      button("?", help, { "data-do": "help", "aria-keyshortcuts": "?", "aria-label": "keys" }),
    );
    buttons.hidden = !model.get("bar");
    if (used) buttons.querySelector(`[data-do="${used}"]:enabled`)?.focus();
    ask_first();
  }
  let asked = null;
  function ask_first() {
    const preview = model.get("preview");
    if (preview === asked) return;
    asked = preview;
    if (!preview) return panel.hidden ? undefined : close();
    const { verdict, value, note: text, rows, changes, replaced } = preview;
    open(
      h("p", {}, `${VERBS[verdict]} ${rows}`, value && [" to ", tag("sugg", value)], text && [": ", h("bdi", {}, text)],
        replaced && h("span", { class: "muted" }, ` · ${replaced}`)),
      changes.length > 0 && h("ul", { class: "changes" }, changes.map((c) => h("li", {}, c.more ??
        [tag("given", c.given), c.new ? [" → ", tag("sugg", c.new)] : " stays", h("span", { class: "muted num" }, ` × ${c.rows}`)]))),
      ready(`Apply to ${rows}`, () => { ask("decide", { verdict, value, note: text, confirmed: true }); home()?.focus(); }));
  }

  const KEYS = { r: relabel, l: anyClass, n: note, u: () => ask("undo"), U: () => ask("redo"), a: () => ask("all"), p: () => model.get("content").sounds && sound.play(model.get("content").row), "?": help };
  for (const [k, verdict] of DECISIONS) KEYS[k] = () => decide(verdict);

  // True when the key was one of ours.
  function press(e) {
    if (e.key === "Escape") {
      if (!panel.hidden) close();
      else ask(model.get("content").n_selected ? "none" : "cancel");
      return true;
    }
    if (e.ctrlKey || e.metaKey || e.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(e.target.tagName) || !KEYS[e.key]) return false;
    KEYS[e.key]();
    return true;
  }
  return { buttons, panel, draw, press };
}
