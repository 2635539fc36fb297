// What each check found. Cards are the tabs of the explorer: one is chosen, arrows move.

// Scores from 0 (severe) to 1 as bars on a root scale; the flagged part in the accent.
function sparkline({ bins, flagged }) {
  const top = Math.sqrt(Math.max(1, ...bins)), tall = (n) => (n ? 1 + (19 * Math.sqrt(n)) / top : 0);
  const box = h("span", { class: "spark", "aria-hidden": "true" });
  bins.forEach((n, i) => box.append(h("i", { style: `--h:${tall(n)}px;--f:${n ? flagged[i] / n : 0}` })));
  return box;
}

export default view(({ model, el, set }) => {
  el.classList.add("dl-overview");
  const head = h("header", { class: "top" });
  const cards = h("div", { class: "cards", role: "group", "aria-label": "checks" });
  el.append(head, cards);

  cards.addEventListener("keydown", (e) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
    if (!step) return;
    e.preventDefault();
    const all = [...cards.querySelectorAll("button:enabled")];
    all[all.indexOf(document.activeElement) + step]?.focus();
  });

  function card(c) {
    const usable = c.bins.length > 0;
    const about = c.severity && `dataset score ${c.severity}, 1 is best`;
    return h("button", {
      type: "button", class: `card ${c.state.replace(" ", "-")}`, disabled: !usable, "data-issue": c.name, title: [c.title, c.told, about].filter(Boolean).join(" · "),
      "aria-pressed": String(c.name === model.get("issue")), click: () => set({ issue: c.name }),
    }, h("span", { class: "name" }, c.title), h("b", { class: "num" }, c.count), c.share && h("small", {}, ` ${c.share}`),
      usable ? sparkline(c) : h("small", { class: "reason" }, c.told));
  }

  return function draw() {
    const c = model.get("content");
    const focused = cards.contains(document.activeElement) && document.activeElement.dataset.issue;
    fill(head,
      h("div", { class: "what" }, h("h2", {}, c.title), h("span", { class: "muted" }, c.facts)),
      c.progress.text && h("div", { class: "reviewed", role: "status" }, c.progress.text, h("i", { style: `--w:${c.progress.share}` })));
    fill(cards, c.cards.length ? c.cards.map(card) : [h("p", { class: "muted" }, c.sentence)]);
    if (focused) cards.querySelector(`[data-issue="${CSS.escape(focused)}"]`)?.focus();
  };
}, ["content", "issue"]);
