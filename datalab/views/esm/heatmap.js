// Given (down) × suggested (across). A table of buttons while cells are large enough to press, a
// canvas with the same keys beyond that. Orders and measures change here, without the kernel.

const AS_TABLE = 40, PAIRS = 6; // classes; pairs that are told beside a canvas
const CELLS = [22, 27], NAMES = [60, 96], SIGN = 7; // pixels at least and at most; of a letter
const between = ([least, most], size) => Math.max(least, Math.min(most, size));
const brief = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 0 });
const MEASURES = {
  counts: { title: "rows", of: (m, i, j) => m.counts[i * m.k + j], text: (v) => (v ? count(v) : "") },
  rates: { title: "share of the given class", of: (m, i, j) => m.counts[i * m.k + j] / Math.max(1, m.sums[i]), text: (v) => (v ? `${(100 * v).toFixed(v < 0.1 ? 1 : 0)}%` : "") },
  expected: { title: "expected rows", of: (m, i, j) => m.expected[i * m.k + j], text: (v) => (v ? v.toFixed(v < 10 ? 1 : 0) : "") },
};
const ORDERS = { class: "by class", noise: "noisiest first", similar: "confusable together" };

export default view(({ model, el, set, ends }) => {
  el.classList.add("dl-heatmap");
  const pick = (label, options) => h("select", { "aria-label": label, change: () => build() },
    Object.entries(options).map(([value, text]) => h("option", { value }, text)));
  const measure = pick("measure", { counts: "counts", rates: "rates", expected: "expected errors" });
  const order = pick("order of classes", ORDERS);
  const top = pick("classes shown", { 0: "all classes", 10: "top 10", 20: "top 20", 40: "top 40" });
  const board = h("div", { class: "board" }), told = h("p", { class: "muted told", role: "status" });
  const pairs = h("ul", { class: "pairs", "aria-label": "most often in doubt" });
  el.append(h("p", { class: "muted" }, "given down × suggested across"), h("div", { class: "row tools" }, measure, order, top), board, told, pairs);

  let m = null, classes = [], highest = 1, at = [0, 0], room = { names: NAMES[1], cell: CELLS[1] }, show = () => {};
  const value = (r, c) => MEASURES[measure.value].of(m, classes[r], classes[c]);
  const heat = (r, c) => (r === c ? 0 : Math.pow(value(r, c) / highest, 0.6) || 0);
  const chosen = (r, c) => { const cell = model.get("cell"); return !!cell && m.codes[classes[r]] === cell[0] && m.codes[classes[c]] === cell[1]; };
  const words = (r, c) => `given ${m.names[classes[r]]}, suggested ${m.names[classes[c]]}: ${rowsOf(m.counts[classes[r] * m.k + classes[c]])}` +
    (measure.value === "counts" ? "" : `, ${MEASURES[measure.value].text(value(r, c)) || 0} ${MEASURES[measure.value].title}`);
  const choose = (r, c) => set({ cell: chosen(r, c) ? null : [m.codes[classes[r]], m.codes[classes[c]]] });

  function build() {
    const n = Number(top.value), noisy = m.orders.noise.slice(0, n || m.k);
    classes = m.orders[order.value].filter((i) => !n || noisy.includes(i));
    highest = Math.max(1e-12, ...classes.flatMap((_, r) => classes.map((__, c) => (r === c ? 0 : value(r, c)))));
    at = at.map((i) => Math.min(i, classes.length - 1));
    room = sizes(classes.length);
    const large = classes.length > AS_TABLE;
    (large ? asCanvas : asTable)();
    tellPairs(large);
    told.textContent = m.hidden ? `${m.hidden} more classes are hardly ever in doubt` : "";
  }

  // First names, then cells get as small as there is room, so that ten classes need no scrolling.
  function sizes(n) {
    const longest = Math.max(...classes.map((i) => m.names[i].length)) * SIGN, free = (board.clientWidth || 1000) - 8;
    const names = between([Math.min(longest, NAMES[0]), NAMES[1]], free - n * CELLS[1]);
    return { names, cell: between(CELLS, Math.floor((free - Math.min(names, longest)) / n)) };
  }

  // The cells that stand out, by name: a canvas has no room for names.
  function tellPairs(wanted) {
    const cells = wanted ? classes.flatMap((_, r) => classes.map((__, c) => [value(r, c), r, c])).filter(([v, r, c]) => v && r !== c) : [];
    cells.sort((a, b) => b[0] - a[0]);
    fill(pairs, cells.slice(0, PAIRS).map(([v, r, c]) => h("li", {}, h("button", { type: "button", title: words(r, c), click: () => { at = [r, c]; choose(r, c); } },
      h("b", { class: "num" }, MEASURES[measure.value].text(v)), h("span", { class: "is-given" }, named(m.names[classes[r]], 14)), "→", h("span", { class: "is-sugg" }, named(m.names[classes[c]], 14))))));
  }

  // ------------------------------------------------------------------ a table of buttons
  function asTable() {
    const n = classes.length, exact = n <= 6 || measure.value === "rates"; // there is no room for 12,345
    const text = (r, c) => { const v = value(r, c); return !exact && v >= 1000 ? brief.format(v) : MEASURES[measure.value].text(v); };
    const cell = (r, c) => h("td", {}, h("button", {
      type: "button", "data-rc": `${r},${c}`, tabindex: r === at[0] && c === at[1] ? "0" : "-1", "aria-label": words(r, c), title: words(r, c),
      class: r === c ? "same" : null, style: `--v:${heat(r, c)}`, click: () => { at = [r, c]; choose(r, c); },
    }, text(r, c)));
    const table = h("table", { class: `heat${n <= 6 ? " few" : room.cell < CELLS[1] ? " many" : ""}${classes.some((i) => m.names[i].length > 3) ? " tall" : ""}`, style: `--name:${room.names}px;--cell:${room.cell - 2}px`, "aria-label": "rows by given and suggested class" },
      h("thead", {}, h("tr", {}, h("td"), classes.map((i) => h("th", { scope: "col" }, named(m.names[i], 12))))),
      h("tbody", {}, classes.map((i, r) => h("tr", {}, h("th", { scope: "row" }, named(m.names[i], Math.floor(room.names / SIGN))), classes.map((_, c) => cell(r, c))))));
    table.addEventListener("keydown", (e) => step(e, () => {
      for (const b of table.querySelectorAll("button[tabindex='0']")) b.tabIndex = -1;
      const next = table.querySelector(`[data-rc="${at}"]`);
      next.tabIndex = 0;
      next.focus();
    }));
    fill(board, table);
    show = () => { for (const b of table.querySelectorAll("button")) b.setAttribute("aria-pressed", String(chosen(...b.dataset.rc.split(",").map(Number)))); };
    show();
  }
  function step(e, moved) {
    const by = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[e.key];
    if (!by) return;
    e.preventDefault();
    at = at.map((i, axis) => Math.min(classes.length - 1, Math.max(0, i + by[axis])));
    moved();
  }

  // ------------------------------------------------------------------ a canvas
  function asCanvas() {
    const n = classes.length, scale = window.devicePixelRatio || 1;
    const canvas = h("canvas", { tabindex: "0", role: "img", "aria-label": `rows by given and suggested class, ${n} classes; arrow keys move, Enter chooses` });
    const g = canvas.getContext("2d");
    let side = 0;
    const where = (e) => [Math.floor(e.offsetY / side), Math.floor(e.offsetX / side)].map((i) => Math.min(n - 1, Math.max(0, i)));
    show = () => {
      if (!board.clientWidth) return; // not laid out yet: drawn when it is
      side = Math.max(2, Math.min(14, Math.floor((Math.min(board.clientWidth, 600) - 4) / n)));
      Object.assign(canvas, { width: n * side * scale, height: n * side * scale });
      canvas.style.width = `${n * side}px`;
      const ink = getComputedStyle(el).color, accent = getComputedStyle(measure).accentColor;
      g.setTransform(scale, 0, 0, scale, 0, 0);
      g.clearRect(0, 0, n * side, n * side);
      for (let r = 0; r < n; r++) for (let c = 0; c < n; c++) {
        g.fillStyle = r === c ? ink : accent;
        g.globalAlpha = r === c ? 0.12 : 0.05 + 0.85 * heat(r, c);
        g.fillRect(c * side, r * side, side - (side > 5), side - (side > 5));
      }
      g.globalAlpha = 1;
      const frame = (r, c, width) => { g.lineWidth = width; g.strokeStyle = ink; g.strokeRect(c * side, r * side, side, side); };
      for (let r = 0; r < n; r++) for (let c = 0; c < n; c++) if (chosen(r, c)) frame(r, c, 2);
      if (document.activeElement === canvas) frame(...at, 1);
    };
    const tell = () => { told.textContent = words(...at); show(); };
    canvas.addEventListener("pointermove", (e) => { at = where(e); tell(); });
    canvas.addEventListener("click", (e) => { at = where(e); choose(...at); });
    canvas.addEventListener("focus", tell);
    canvas.addEventListener("blur", show);
    canvas.addEventListener("keydown", (e) => {
      if (e.key === "Enter" || e.key === " ") { e.preventDefault(); choose(...at); }
      step(e, tell);
    });
    fill(board, canvas);
    show();
  }

  let drawn = null, wide = 0;
  const resized = new ResizeObserver(() => {
    if (wide === (wide = board.clientWidth)) return;
    const now = m && sizes(classes.length);
    if (m && classes.length <= AS_TABLE && (now.names !== room.names || now.cell !== room.cell)) build();
    else show();
  });
  resized.observe(board);
  onTheme(el, () => m && show(), ends);
  ends(() => resized.disconnect());
  return function draw() {
    const c = model.get("content");
    el.hidden = !c.names.length;
    if (el.hidden) return;
    if (drawn === c) return show();
    drawn = c;
    m = { ...c, k: c.names.length, counts: numbers(Uint32Array, c.counts), expected: numbers(Float32Array, c.expected) };
    m.sums = c.names.map((_, i) => m.counts.subarray(i * m.k, (i + 1) * m.k).reduce((a, b) => a + b, 0));
    measure.querySelector("[value=expected]").hidden = !m.expected.length;
    top.hidden = m.k <= 10;
    order.hidden = m.k < 3;
    build();
  };
}, ["content", "cell"]);
