// The listed rows, one page at a time. The kernel sorts, filters and pages; this draws and asks.

const tables = { made: 0 };

export default view(({ model, el, set, ask, on, ends }) => {
  const name = `dl-table-${++tables.made}`;
  const grid = h("table", { class: "rows", role: "grid", tabindex: "0", "aria-label": "examples", "aria-multiselectable": "true" });
  const sound = sounding({ ask, on, ends });
  const review = reviewing({ model, set, ask, sound, home: () => grid });
  const input = h("input", { type: "search", "aria-label": "filter", spellcheck: "false", input: () => typed(250), keydown: leave });
  const scope = h("div", { class: "segments", role: "group", "aria-label": "which rows" });
  const pager = h("div", { class: "pager" });
  const chips = h("div", { class: "chips" });
  const problem = h("p", { class: "problem", role: "alert" });
  el.classList.add("dl-table");
  el.append(
    h("div", { class: "filter" }, h("div", { class: "find" }, input, h("i", { class: "busy" })), scope, pager),
    chips, problem, h("div", { class: "scroll" }, grid), review.panel, review.buttons);

  let timer = 0;
  function typed(wait) {
    clearTimeout(timer);
    timer = setTimeout(() => set({ filter: input.value }), wait);
  }
  function leave(e) {
    if (e.key === "Enter") typed(0);
    if (e.key === "Escape" && model.get("busy")) { e.preventDefault(); e.stopPropagation(); ask("cancel"); }
    if (e.key === "Enter" || e.key === "ArrowDown") { e.preventDefault(); grid.focus(); }
  }

  // How many letters of a name there is room for; the widths are those of the style sheet.
  let narrow = 0;
  const howNarrow = () => { const wide = grid.parentElement.clientWidth; return !wide || wide > 960 ? 0 : wide > 700 ? 1 : 2; };

  const pictures = new Map(); // of this page: drawn once, moved from draw to draw
  const shown = {
    image: (r) => {
      if (!pictures.has(r.row)) pictures.set(r.row, picture(r.image, `row ${r.name}`));
      return pictures.get(r.row);
    },
    number: (r) => r.name,
    name: (r) => named(r.name, (r.text ? [20, 12, 8] : [20, 20, 16])[narrow]),
    text: ({ text: t }) => h("div", { class: `clamp ${t.kind}`, dir: "auto" }, parted(t.parts)),
    sound: (r) => sound.place(r.row, r.name),
    given: (r) => label("given", r.given, r.p_given),
    suggested: (r) => label("sugg", r.suggested, r.p_suggested),
    score: (r) => r.score !== undefined && [bar(r.bar), r.score],
    why: (r) => h("div", { class: "clamp", title: r.why }, r.why ?? "not looked at"),
    verdict: (r) => r.verdict && h("b", { class: r.verdict.kind }, named(r.verdict.text, [11, 10, 8][narrow])),
  };
  const label = (kind, text, p) => text && [tag(text === "missing" ? "missing" : kind, text, model.get("content").sets ? 60 : [14, 11, 9][narrow]), p && h("small", {}, p)];

  function heading(c) {
    const [by, ascending] = model.get("sort"), mine = c.name && c.name === by;
    const title = h("bdi", {}, c.title);
    const sort = () => set({ sort: [c.name, mine ? !ascending : true] });
    return h("th", { scope: "col", class: c.kind, "aria-sort": mine ? (ascending ? "ascending" : "descending") : null },
      c.name ? button([title, mine && (ascending ? " ▴" : " ▾")], sort) : title);
  }
  function line(r, columns) {
    const box = h("input", { type: "checkbox", checked: r.selected, tabindex: "-1", "aria-label": `select row ${r.name}` });
    let extra = 0;
    return h("tr", { id: `${name}-${r.row}`, "data-row": r.row, "aria-selected": String(r.selected), class: r.row === model.get("focus") ? "on" : null },
      h("td", { class: "check" }, box),
      columns.map((c) => {
        const cell = c.kind.startsWith("extra") ? r.extra[extra++] : null;
        return h("td", { class: cell ? `${c.kind} ${cell.kind}` : c.kind }, cell ? h("bdi", {}, cell.text) : shown[c.kind](r));
      }));
  }
  grid.addEventListener("click", (e) => {
    const tr = e.target.closest("tr[data-row]");
    if (!tr) return;
    const toggle = e.target.type === "checkbox" || e.ctrlKey || e.metaKey;
    ask("pick", { row: Number(tr.dataset.row), how: e.shiftKey ? "range" : toggle ? "toggle" : "only" });
    grid.focus({ preventScroll: true });
  });
  const page = (by) => set({ page: Math.max(0, model.get("page") + by) });
  const moves = {
    ArrowDown: (e) => ask("move", { by: 1, extend: e.shiftKey }), ArrowUp: (e) => ask("move", { by: -1, extend: e.shiftKey }),
    PageDown: () => ask("move", { by: model.get("page_size") }), PageUp: () => ask("move", { by: -model.get("page_size") }),
    Home: () => ask("go", { to: 0 }), End: () => ask("go", { to: model.get("content").total - 1 }),
    " ": () => model.get("focus") !== null && ask("pick", { row: model.get("focus"), how: "toggle" }),
    "/": () => input.focus(),
  };
  el.addEventListener("keydown", (e) => {
    const move = e.target === grid && moves[e.key];
    if (move) move(e);
    if (move || review.press(e)) { e.preventDefault(); e.stopPropagation(); }
  });

  const resized = new ResizeObserver(() => { if (model.get("content").rows && narrow !== howNarrow()) draw(); });
  resized.observe(grid.parentElement);
  ends(() => resized.disconnect());
  function draw() {
    narrow = howNarrow();
    const c = model.get("content"), flagged = model.get("flagged_only"), at = model.get("page");
    if (document.activeElement !== input) input.value = model.get("filter");
    input.placeholder = c.hint;
    el.classList.toggle("searching", model.get("busy") !== "");
    problem.textContent = model.get("problem");
    const choose = (yes, text) => button(text, () => {
      for (const { name } of c.chips) if (name !== "threshold") ask("drop", { name });
      set({ flagged_only: yes });
    }, { "aria-pressed": String(flagged === yes && !c.narrowed) });
    scope.hidden = !c.issue_title;
    fill(scope, choose(true, "flagged"), choose(false, "all"));
    fill(pager,
      h("span", { role: "status" }, `${rowsOf(c.total)}, page ${count(at + 1)} of ${count(c.pages)}`),
      button("‹", () => page(-1), { "aria-label": "previous page", disabled: at === 0 }),
      button("›", () => page(1), { "aria-label": "next page", disabled: at + 1 >= c.pages }));
    fill(chips, model.get("busy") && button("Cancel the search", () => ask("cancel")), c.chips.map((chip) =>
      button([named(chip.text, 60), " ×"], () => ask("drop", { name: chip.name }), { "aria-label": `drop: ${chip.text}` })));
    const here = new Set(c.rows.map((r) => r.row));
    for (const row of pictures.keys()) if (!here.has(row)) pictures.delete(row);
    sound.keep(here);
    fill(grid,
      h("thead", {}, h("tr", {}, h("td", { class: "check" }), c.columns.map(heading))),
      h("tbody", {}, c.rows.map((r) => line(r, c.columns)),
        !c.rows.length && h("tr", {}, h("td", { class: "empty", colspan: c.columns.length + 1 },
          "No row meets all of this. ", button("Clear the filter", () => ask("clear"))))));
    const on = here.has(model.get("focus")) && `${name}-${model.get("focus")}`;
    on ? grid.setAttribute("aria-activedescendant", on) : grid.removeAttribute("aria-activedescendant");
    review.draw();
  }
  return draw;
}, ["content", "problem", "busy", "preview", "focus", "flagged_only"]);
