// Points drawn straight into an image: a million of them in a few tens of milliseconds. Lasso and
// nearest point are found here; the kernel is told which points, and says what a point is.

// Okabe and Ito's colours, which colour-blind people tell apart, and a grey for all other classes.
const COLOURS = [[0, 114, 178], [230, 159, 0], [0, 158, 115], [204, 121, 167], [86, 180, 233], [213, 94, 0], [148, 132, 20], [117, 76, 160], [110, 110, 110], [166, 86, 40]];
const GREY = [150, 152, 162], FLAG = [213, 94, 0], NEAR = 8; // pixels

export default view(({ model, el, ask, on, ends }) => {
  el.classList.add("dl-scatter");
  const by = h("select", { "aria-label": "colour by", change: () => paint() },
    [["classes", "by class"], ["flags", "by flag"], ["scores", "by score"]].map(([value, text]) => h("option", { value }, text)));
  const points = h("canvas", { "aria-hidden": "true" }), over = h("canvas", { role: "application", tabindex: "0" });
  const whole = button("Whole map", () => { zoom = [0, 0, 1]; paint(); }), drop = button("Drop the lasso", () => { path = []; ask("clear"); paint(); });
  const tip = h("div", { class: "tip", hidden: true }), legend = h("div", { class: "legend" }), told = h("p", { class: "muted told", role: "status" });
  const tools = h("div", { class: "row tools" }, by, whole, drop), board = h("div", { class: "map" }, points, over, tip);
  el.append(tools, board, legend, told);

  let c = null, places = null, xy, attributes, zoom = [0, 0, 1], path = [], side = 0, height = 0, scale = 1;
  const px = (i) => (xy[2 * i] - zoom[0]) * zoom[2] * side, py = (i) => (1 - xy[2 * i + 1] - zoom[1]) * zoom[2] * height;

  function colours() {
    if (by.value === "flags") return [GREY, FLAG];
    const mixed = (v) => GREY.map((g, k) => Math.round(g + (FLAG[k] - g) * (1 - v / 255) ** 2));
    return Array.from({ length: 256 }, (_, v) => (by.value === "classes" ? COLOURS[v] ?? GREY : mixed(v)));
  }
  function paint() {
    if (!c?.n) return;
    scale = window.devicePixelRatio || 1;
    side = board.clientWidth;
    if (!side) return; // not laid out yet: painted when it is
    height = board.clientHeight;
    for (const canvas of [points, over]) Object.assign(canvas, { width: side * scale, height: height * scale });
    const w = points.width, g = points.getContext("2d"), image = g.createImageData(w, points.height), pixels = new Uint32Array(image.data.buffer);
    const packed = Uint32Array.from(colours(), ([r, gr, b]) => (0xff << 24) | (b << 16) | (gr << 8) | r);
    const values = attributes[by.value], size = Math.max(1, Math.round((c.n > 200_000 ? 1 : c.n > 20_000 ? 2 : 5) * scale * Math.min(2, Math.sqrt(zoom[2]))));
    // A point is a disc: for each of its lines of pixels, how far in it begins.
    const indent = Array.from({ length: size }, (_, dy) => Math.round(size / 2 - Math.sqrt((size / 2) ** 2 - (dy + 0.5 - size / 2) ** 2)));
    const flagged = by.value === "flags";
    for (let pass = 0; pass <= (flagged ? 1 : 0); pass++) for (let i = 0; i < c.n; i++) { // flagged points on top
      if (flagged && values[i] !== pass) continue;
      const x = Math.round(px(i) * scale - size / 2), y = Math.round(py(i) * scale - size / 2);
      if (x < 0 || y < 0 || x > w - size || y > points.height - size) continue;
      if (size === 1) pixels[y * w + x] = packed[values[i]];
      else for (let dy = 0; dy < size; dy++) pixels.fill(packed[values[i]], (y + dy) * w + x + indent[dy], (y + dy) * w + x + size - indent[dy]);
    }
    g.putImageData(image, 0, 0);
    whole.disabled = zoom[2] === 1;
    trace();
    over.setAttribute("aria-label", `map of ${count(c.n)} examples, ${c.told}; draw around points to list them; arrow keys move between points, + and - zoom`);
    const name = (rgb, text) => h("span", {}, h("i", { style: `background:rgb(${rgb})` }), named(text, 20));
    fill(legend, by.value === "classes" ? [c.names.map((text, i) => name(COLOURS[i], text)), c.others && name(GREY, "other")]
      : by.value === "flags" ? [name(FLAG, `flagged: ${c.issue}`), name(GREY, "not flagged")] : [name(FLAG, "severe"), name(GREY, "fine")]);
  }
  function trace() {
    const g = over.getContext("2d");
    g.setTransform(scale, 0, 0, scale, 0, 0);
    g.clearRect(0, 0, side, height);
    drop.disabled = path.length < 3;
    g.strokeStyle = getComputedStyle(el).color;
    g.lineWidth = 1.5;
    const here = model.get("here");
    if (here >= 0 && here < c.n) { // the row that is looked at, in a ring
      g.setLineDash([]);
      g.beginPath();
      g.arc(px(here), py(here), 8, 0, 7);
      g.stroke();
    }
    if (path.length < 2) return;
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
    else { const i = nearest(...path[0]); path = []; if (i >= 0) ask("pick", { point: i }); } // where it was pressed: the page may have scrolled
    trace();
  });
  over.addEventListener("pointerleave", () => { clearTimeout(timer); tip.hidden = true; hovered = -1; });
  function zoomBy(factor, x, y) { // what stands at (x, y) stays there
    const k = Math.min(60, Math.max(1, zoom[2] * factor));
    const from = (p, size, now) => Math.min(1 - 1 / k, Math.max(0, now + p / size / zoom[2] - p / size / k));
    zoom = [from(x, side, zoom[0]), from(y, height, zoom[1]), k];
    path = [];
    paint();
  }
  over.addEventListener("wheel", (e) => {
    if (!e.ctrlKey && !e.metaKey) return; // plain scrolling stays the page's
    e.preventDefault();
    zoomBy(Math.exp(-e.deltaY / 300), ...where(e));
  }, { passive: false });
  // The nearest point in a direction; what lies aside of it counts double.
  function beside(from, [dx, dy]) {
    let best = -1, least = Infinity;
    for (let i = 0; i < c.n; i++) {
      const x = px(i) - px(from), y = py(i) - py(from), ahead = x * dx + y * dy, aside = Math.abs(x * dy) + Math.abs(y * dx);
      if (ahead > 0.5 && ahead + 2 * aside < least) [best, least] = [i, ahead + 2 * aside];
    }
    return best;
  }
  over.addEventListener("keydown", (e) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[e.key], here = Math.max(0, model.get("here"));
    const zoomed = { "+": 1.5, "-": 1 / 1.5 }[e.key];
    if (!c?.n || !(way || zoomed)) return;
    e.preventDefault();
    if (zoomed) return zoomBy(zoomed, px(here), py(here));
    const to = beside(here, way);
    if (to >= 0) { ask("pick", { point: to }); ask("hover", { point: (hovered = to) }); }
  });
  on("msg:custom", (message, buffers) => {
    if (message.hover !== hovered || hovered < 0) return;
    const image = message.image && picture({ ...message.image, data: buffers[0] }, "");
    fill(tip, image, h("b", {}, ["row ", named(message.name, 30)]), message.given && tag("given", message.given), message.text && h("div", { class: "clamp", dir: "auto" }, message.text));
    tip.hidden = false;
    const place = (p, size, room) => `${Math.max(0, p + 12 + room > size ? p - 12 - room : p + 12)}px`; // the side that has room
    tip.style.left = place(px(hovered), side, tip.offsetWidth);
    tip.style.top = place(py(hovered), height, tip.offsetHeight);
  });

  const resized = new ResizeObserver(() => { if (board.clientWidth !== side || board.clientHeight !== height) paint(); });
  resized.observe(board);
  onTheme(el, () => c?.n && side && trace(), ends);
  ends(() => { resized.disconnect(); clearTimeout(timer); });
  return function draw() {
    const now = model.get("content");
    let fresh = false;
    if (now !== c) {
      c = now;
      board.hidden = legend.hidden = tools.hidden = !c.n;
      told.textContent = c.n ? `${c.told}. Draw around points to list them; Ctrl and the wheel, or + and -, zoom; arrow keys go from point to point.` : c.why;
      if (c.n) attributes = { classes: numbers(Uint8Array, c.classes), flags: numbers(Uint8Array, c.flags), scores: numbers(Uint8Array, c.scores) };
      fresh = true;
    }
    if (places !== model.get("places")) {
      places = model.get("places");
      xy = numbers(Float32Array, places.xy);
      fresh = true;
    }
    if (fresh) paint();
    else if (side) trace();
  };
}, ["content", "places", "here"]);
