// Points drawn straight into an image: a million of them in a few tens of milliseconds. Lasso and
// nearest point are found here; the kernel is told which points, and says what a point is.

// Okabe and Ito's colours, which colour-blind people tell apart, and a grey for all other classes.
const COLOURS = [[0, 114, 178], [230, 159, 0], [0, 158, 115], [204, 121, 167], [86, 180, 233], [213, 94, 0], [148, 132, 20], [117, 76, 160], [110, 110, 110], [166, 86, 40]];
const GREY = [150, 152, 162], FLAG = [213, 94, 0], NEAR = 8; // pixels

export default view(({ model, el, ask }) => {
  el.classList.add("dl-scatter");
  const by = h("select", { "aria-label": "colour by", change: () => paint() },
    [["classes", "by class"], ["flags", "by flag"], ["scores", "by score"]].map(([value, text]) => h("option", { value }, text)));
  const points = h("canvas", { "aria-hidden": "true" }), over = h("canvas", { role: "img", tabindex: "0" });
  const tip = h("div", { class: "tip", hidden: true }), legend = h("div", { class: "legend" }), told = h("p", { class: "muted told", role: "status" });
  const board = h("div", { class: "map" }, points, over, tip);
  el.append(h("div", { class: "row tools" }, by, button("Whole map", () => { zoom = [0, 0, 1]; paint(); }), button("Drop the lasso", () => { path = []; ask("clear"); trace(); })), board, legend, told);

  let c = null, xy, attributes, zoom = [0, 0, 1], path = [], side = 0, height = 0, scale = 1;
  const px = (i) => (xy[2 * i] - zoom[0]) * zoom[2] * side, py = (i) => (1 - xy[2 * i + 1] - zoom[1]) * zoom[2] * height;

  function colours() {
    const kind = by.value, values = attributes[kind];
    if (kind === "classes") return Array.from({ length: 256 }, (_, v) => COLOURS[v] ?? GREY).map((rgb, v) => ({ rgb, of: values, v }));
    if (kind === "flags") return [{ rgb: GREY }, { rgb: FLAG }];
    return Array.from({ length: 256 }, (_, v) => ({ rgb: GREY.map((g, k) => Math.round(g + (FLAG[k] - g) * (1 - v / 255) ** 2)) }));
  }
  function paint() {
    if (!c?.n) return;
    scale = window.devicePixelRatio || 1;
    side = board.clientWidth;
    if (!side) return; // not laid out yet: painted when it is
    height = Math.min(side, 420);
    for (const canvas of [points, over]) Object.assign(canvas, { width: side * scale, height: height * scale });
    const w = points.width, g = points.getContext("2d"), image = g.createImageData(w, points.height), pixels = new Uint32Array(image.data.buffer);
    const packed = Uint32Array.from(colours(), ({ rgb: [r, gr, b] }) => (0xff << 24) | (b << 16) | (gr << 8) | r);
    const values = attributes[by.value], size = Math.max(1, Math.round((c.n > 200_000 ? 1 : c.n > 20_000 ? 2 : 4) * scale * Math.min(2, Math.sqrt(zoom[2]))));
    const flagged = by.value === "flags";
    for (let pass = 0; pass <= (flagged ? 1 : 0); pass++) for (let i = 0; i < c.n; i++) { // flagged points on top
      if (flagged && values[i] !== pass) continue;
      const x = (px(i) * scale) | 0, y = (py(i) * scale) | 0;
      if (x < 0 || y < 0 || x > w - size || y > points.height - size) continue;
      for (let dy = 0; dy < size; dy++) pixels.fill(packed[values[i]], (y + dy) * w + x, (y + dy) * w + x + size);
    }
    g.putImageData(image, 0, 0);
    trace();
    over.setAttribute("aria-label", `map of ${count(c.n)} examples, ${c.told}; draw around points to list them, arrow keys in the table move between examples`);
    const name = (rgb, text) => h("span", {}, h("i", { style: `background:rgb(${rgb})` }), h("bdi", {}, text));
    fill(legend, by.value === "classes" ? [c.names.map((text, i) => name(COLOURS[i], text)), c.others && name(GREY, "other")]
      : by.value === "flags" ? [name(FLAG, `flagged: ${c.issue}`), name(GREY, "not flagged")] : [name(FLAG, "severe"), name(GREY, "fine")]);
  }
  function trace() {
    const g = over.getContext("2d");
    g.setTransform(scale, 0, 0, scale, 0, 0);
    g.clearRect(0, 0, side, height);
    if (path.length < 2) return;
    g.strokeStyle = getComputedStyle(el).color;
    g.lineWidth = 1.5;
    g.setLineDash([5, 3]);
    g.beginPath();
    for (const [x, y] of path) g.lineTo(x, y);
    g.closePath();
    g.stroke();
  }
  function enclosed() { // even-odd rule
    const xs = path.map((p) => p[0]), ys = path.map((p) => p[1]), hits = [];
    const [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    for (let i = 0; i < c.n; i++) {
      const x = px(i), y = py(i);
      if (x < x0 || x > x1 || y < y0 || y > y1) continue;
      let inside = false;
      for (let a = 0, b = path.length - 1; a < path.length; b = a++) {
        const [ax, ay] = path[a], [bx, by_] = path[b];
        if (ay > y !== by_ > y && x < ((bx - ax) * (y - ay)) / (by_ - ay) + ax) inside = !inside;
      }
      if (inside) hits.push(i);
    }
    return Uint32Array.from(hits);
  }
  function nearest(x, y) {
    let best = -1, least = NEAR * NEAR;
    for (let i = 0; i < c.n; i++) {
      const d = (px(i) - x) ** 2 + (py(i) - y) ** 2;
      if (d < least) [best, least] = [i, d];
    }
    return best;
  }

  let down = false, hovered = -1, timer = 0;
  const where = (e) => [e.offsetX, e.offsetY];
  over.addEventListener("pointerdown", (e) => { down = true; path = [where(e)]; tip.hidden = true; over.setPointerCapture(e.pointerId); });
  over.addEventListener("pointermove", (e) => {
    if (down) { path.push(where(e)); return trace(); }
    clearTimeout(timer);
    const [x, y] = where(e);
    timer = setTimeout(() => { const i = nearest(x, y); tip.hidden = true; hovered = i; if (i >= 0) ask("hover", { point: i }); }, 60);
  });
  over.addEventListener("pointerup", (e) => {
    down = false;
    const moved = path.length > 3;
    if (moved) model.send({ do: "lasso" }, undefined, [enclosed().buffer]);
    else { path = []; const i = nearest(...where(e)); if (i >= 0) ask("pick", { point: i }); }
    trace();
  });
  over.addEventListener("pointerleave", () => { clearTimeout(timer); tip.hidden = true; hovered = -1; });
  over.addEventListener("wheel", (e) => {
    if (!e.ctrlKey && !e.metaKey) return; // plain scrolling stays the page's
    e.preventDefault();
    const [x, y] = where(e), k = Math.min(60, Math.max(1, zoom[2] * Math.exp(-e.deltaY / 300)));
    const at = (p, size, from) => Math.min(1 - 1 / k, Math.max(0, from + p / size / zoom[2] - p / size / k));
    zoom = [at(x, side, zoom[0]), at(y, height, zoom[1]), k];
    path = [];
    paint();
  }, { passive: false });
  model.on("msg:custom", (message, buffers) => {
    if (message.hover !== hovered || hovered < 0) return;
    const image = message.image && picture({ ...message.image, data: buffers[0] }, "");
    fill(tip, image, h("b", {}, `row ${message.row}`), message.given && [" ", tag("given", message.given)], message.text && h("div", { class: "clamp", dir: "auto" }, message.text));
    tip.style.left = `${Math.min(px(hovered) + 12, side - 190)}px`;
    tip.style.top = `${Math.min(py(hovered) + 12, height - 60)}px`;
    tip.hidden = false;
  });

  const resized = new ResizeObserver(() => { if (board.clientWidth !== side) paint(); });
  resized.observe(board);
  return function draw() {
    const now = model.get("content");
    if (now !== c) {
      c = now;
      board.hidden = legend.hidden = !c.n;
      told.textContent = c.n ? `${c.told}. Draw around points to list them; Ctrl and the wheel zoom.` : c.why;
      if (c.n) [xy, attributes] = [numbers(Float32Array, c.xy), { classes: numbers(Uint8Array, c.classes), flags: numbers(Uint8Array, c.flags), scores: numbers(Uint8Array, c.scores) }];
    }
    paint();
  };
}, ["content"]);
