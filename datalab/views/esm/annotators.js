// Who labelled, how well, and what each of them takes for what.

export default view(({ model, el, ask }) => {
  el.classList.add("dl-annotators");
  const table = h("table", { class: "rows" }), confusion = h("div", { class: "board", tabindex: "0", role: "group", "aria-label": "confusions" });
  const agreement = h("div", { class: "board", tabindex: "0", role: "group", "aria-label": "agreement" });
  const none = h("p", { class: "empty" });
  const all = h("div", { class: "people" }, h("div", { class: "scroll" }, table), confusion, agreement);
  el.append(none, all);

  function heat(caption, names, cell) {
    const head = (text, scope) => h("th", { scope }, named(text, scope === "col" ? 12 : 16));
    return h("table", { class: `heat${names.some((n) => n.length > 3) ? " tall" : ""}` }, h("caption", {}, caption),
      h("thead", {}, h("tr", {}, h("td"), names.map((n) => head(n, "col")))),
      h("tbody", {}, names.map((n, r) => h("tr", {}, head(n, "row"), names.map((_, c) => {
        const { text, v } = cell(r, c);
        return h("td", { class: r === c ? "same" : null, style: `--v:${r === c ? 0 : v}` }, text);
      })))));
  }

  return function draw() {
    const c = model.get("content");
    none.hidden = c.rows.length > 0;
    all.hidden = !c.rows.length;
    none.textContent = c.why ?? "";
    if (all.hidden) return;
    const focused = table.contains(document.activeElement);
    fill(table, h("thead", {}, h("tr", {}, ["annotator", "quality", "agrees with consensus", "answers"].map((t, i) => h("th", { scope: "col", class: i ? "number" : null }, t)))),
      h("tbody", {}, c.rows.map((r) => h("tr", { "aria-selected": String(r.id === c.chosen) },
        h("td", {}, button(h("bdi", {}, r.name), () => ask("choose", { annotator: r.id }), { class: "link", "aria-pressed": String(r.id === c.chosen) })),
        h("td", { class: "number" }, bar(r.quality), r.text), h("td", { class: "number" }, r.agrees), h("td", { class: "number" }, r.answers)))));
    if (focused) table.querySelector("[aria-pressed=true]")?.focus();
    const { names, counts } = c.confusion, top = Math.max(1, ...counts.flatMap((row, r) => row.filter((_, k) => k !== r)));
    const who = c.rows.find((r) => r.id === c.chosen)?.name ?? "";
    fill(confusion, heat(["What ", h("bdi", {}, who), " said (across) where the consensus is (down)"], names, (r, k) => ({ text: counts[r][k] || "", v: (counts[r][k] / top) ** 0.6 })));
    const { names: people, shares } = c.agreement;
    fill(agreement, people.length > 1 && heat("How often two of them say the same (more colour: less often)", people, (r, k) => ({ text: shares[r][k] === null ? "–" : `${Math.round(100 * shares[r][k])}%`, v: shares[r][k] === null ? 0 : 1 - shares[r][k] })));
  };
}, ["content"]);
