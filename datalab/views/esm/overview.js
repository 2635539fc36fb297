// What each check found. Cards are the tabs of the explorer: one is chosen, arrows move. Checks
// that found nothing, or could not look, stand below in a line each.

// Scores from 0 (severe) to 1 as bars on a root scale; the flagged part in the accent.
function sparkline({ bins, flagged }) {
  const top = Math.sqrt(Math.max(1, ...bins)), tall = (n) => (n ? 10 + (90 * Math.sqrt(n)) / top : 0);
  return h("span", { class: "spark", "aria-hidden": "true" },
    bins.map((n, i) => h("i", { style: `--h:${tall(n)}%;--f:${n ? flagged[i] / n : 0}` })));
}

export default view(({ model, el, set }) => {
  el.classList.add("dl-overview");
  const head = h("header", { class: "top" });
  const loud = h("div", { class: "cards" }), quiet = h("div", { class: "quiet" });
  const cards = h("div", { role: "group", "aria-label": "checks" }, loud, quiet);
  el.append(head, cards);

  cards.addEventListener("keydown", (e) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 1, ArrowUp: -1 }[e.key];
    if (!step) return;
    e.preventDefault();
    const all = [...cards.querySelectorAll("button:enabled")];
    all[all.indexOf(document.activeElement) + step]?.focus();
  });

  function card(c) {
    const usable = c.bins.length > 0, found = isLoud(c);
    const about = c.severity && `dataset score ${c.severity}, 1 is best`;
    return h("button", {
      type: "button", class: `card ${c.state.replace(" ", "-")}`, disabled: !usable, "data-issue": c.name, title: [c.title, c.told, about].filter(Boolean).join(" · "),
      "aria-pressed": String(c.name === model.get("issue")), click: () => set({ issue: c.name }),
    }, h("span", { class: "name" }, c.title), h("span", { class: "found" }, h("b", { class: "num" }, c.count), c.share && h("small", { class: "num" }, c.share)),
      usable ? sparkline(c) : found || c.state === "not applicable" ? h("small", { class: "why" }, c.told) : false);
  }
  const isLoud = (c) => c.state === "flagged" || c.state === "failed";

  return function draw() {
    const c = model.get("content");
    const focused = cards.contains(document.activeElement) && document.activeElement.dataset.issue;
    fill(head,
      h("div", { class: "what" }, h("h2", {}, c.title), h("span", { class: "muted" }, c.facts)),
      c.progress.text && h("div", { class: "reviewed", role: "status" }, c.progress.text, h("i", { style: `--w:${c.progress.share}` })));
    fill(loud, c.cards.length ? c.cards.filter(isLoud).map(card) : h("p", { class: "muted" }, c.sentence));
    fill(quiet, c.cards.filter((one) => !isLoud(one)).map(card));
    if (focused) cards.querySelector(`[data-issue="${CSS.escape(focused)}"]`)?.focus();
  };
}, ["content", "issue"]);
