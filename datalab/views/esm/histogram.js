// Scores as bars, with a native slider over them. While it moves everything is counted here: rows
// lie in 256 bins, and a cut at the edge of a bin flags the rows of the bins before it, exactly.

export default view(({ model, el, set }) => {
  el.classList.add("dl-histogram");
  const told = h("span", { role: "status" });
  const reset = button("as the check did", () => set({ threshold: null }), { class: "link" });
  const bars = h("div", { class: "bars", "aria-hidden": "true" });
  const slider = h("input", { type: "range", min: 0, step: 1, input: () => moved(100), change: () => moved(0) });
  const low = h("span"), high = h("span");
  el.append(h("div", { class: "row between" }, told, reset), h("div", { class: "plot" }, bars, slider),
    h("div", { class: "row between muted num" }, low, high));

  const TOGETHER = 4; // bins in a bar
  let rows, flagged, edges, below, cut = null, sent = null, timer = 0, drawn = null;

  function read(c) {
    [rows, flagged, edges] = [numbers(Uint32Array, c.rows), numbers(Uint32Array, c.flagged), numbers(Float64Array, c.edges)];
    below = [0];
    for (const n of rows) below.push(below.at(-1) + n);
    slider.max = rows.length;
    const sums = [];
    for (let i = 0; i < rows.length; i += TOGETHER) sums.push(below[i + TOGETHER] - below[i]);
    const top = Math.sqrt(Math.max(1, ...sums));
    fill(bars, sums.map((n) => h("i", { style: `--h:${n ? Math.max(2, (100 * Math.sqrt(n)) / top) : 0}%` })));
    low.textContent = "0 · severe";
    high.textContent = edges.at(-1)?.toFixed(edges.at(-1) < 0.1 ? 3 : 2) ?? "";
  }
  function moved(wait) {
    cut = Number(slider.value);
    paint();
    clearTimeout(timer);
    timer = setTimeout(() => set({ threshold: (sent = edges[cut]) }), wait);
  }
  function paint() {
    const own = cut === null;
    [...bars.children].forEach((barElement, i) => {
      let hit = 0, all = 0;
      for (let k = i * TOGETHER; k < (i + 1) * TOGETHER; k++) {
        all += rows[k];
        hit += own ? flagged[k] : k < cut ? rows[k] : 0;
      }
      barElement.style.setProperty("--f", all ? hit / all : 0);
    });
    const n = own ? flagged.reduce((a, b) => a + b, 0) : below[cut];
    const text = own ? `flagged by the check: ${rowsOf(n)}` : `score below ${edges[cut].toFixed(3)}: ${rowsOf(n)}`;
    fill(told, own ? "flagged by the check " : ["score < ", h("b", {}, edges[cut].toFixed(3)), " "], h("span", { class: "muted" }, rowsOf(n)));
    slider.setAttribute("aria-label", `threshold for ${model.get("content").title}`);
    slider.setAttribute("aria-valuetext", text);
    slider.classList.toggle("own", own);
    reset.hidden = own;
  }

  return function draw() {
    const c = model.get("content"), threshold = model.get("threshold");
    el.hidden = !c.title;
    if (!c.title) return;
    const fresh = drawn !== c;
    if (fresh) { read(c); drawn = c; }
    if (fresh || threshold !== sent) { // set elsewhere: the nearest edge; the check's own cut stands on none
      const off = (i) => Math.abs(edges[i] - threshold);
      cut = threshold === null ? null : edges.reduce((best, _, i) => (off(i) < off(best) ? i : best), 0);
      slider.value = cut ?? flagged.reduce((last, n, i) => (n ? i + 1 : last), 0);
      sent = threshold;
    }
    paint();
  };
}, ["content", "threshold"]);
