// The example that is looked at. The review bar and its keys are those of the table.

export default view(({ model, el, set, ask, on, ends }) => {
  el.classList.add("dl-inspector");
  const body = h("section", { class: "example", tabindex: "0", "aria-label": "example" });
  const sound = sounding({ ask, on, ends });
  const review = reviewing({ model, set, ask, sound, home: () => body });
  el.append(body, review.panel, review.buttons);
  el.addEventListener("keydown", (e) => {
    const by = e.target === body && { ArrowLeft: -1, ArrowRight: 1 }[e.key];
    if (by) ask("move", { by });
    if (by || review.press(e)) { e.preventDefault(); e.stopPropagation(); }
  });

  const part = (title, ...children) => h("div", { class: "part" }, h("h3", {}, title), children);
  const label = (kind, text) => text && tag(text === "missing" ? "missing" : kind, text, model.get("content").sets ? 60 : 16);
  const look = (row) => () => ask("pick", { row });
  // Another row: its picture or number leads to it; its label has the colour that it has here.
  function other(o, e) {
    const told = { click: look(o.row), title: `look at row ${o.name}`, "aria-label": `look at row ${o.name}, labelled ${o.given}` };
    const same = o.given === e.given ? "is-given" : o.given === e.suggested ? "is-sugg" : null;
    return h("figure", { class: o.image ? null : "line" },
      o.image ? button(picture(o.image, ""), told.click, { ...told, class: "other" }) : button(["row ", named(o.name, 14)], told.click, { ...told, class: "link" }),
      h("figcaption", {}, o.given && h("b", { class: same }, named(o.given, o.image ? 9 : 17)), o.distance && h("small", { class: "num", title: "distance" }, o.distance)),
      o.text !== undefined && h("div", { class: "clamp", dir: "auto" }, o.text));
  }
  function probabilities(list) {
    const long = list.some((p) => p.name.length > 3);
    return h("div", { class: `probs${long ? " long" : ""}`, role: "table", "aria-label": "predicted probabilities" }, list.map((p) =>
      h("div", { role: "row", class: p.kind }, h("span", { role: "cell" }, named(p.name, 24)), h("i", { role: "cell", "aria-hidden": "true", style: `--w:${p.p}` }), h("small", { role: "cell", class: "num" }, p.text))));
  }
  function duplicate(o, e) {
    const { parts, columns, more } = o.differs;
    const told = parts
      ? h("div", { class: "diff", dir: "auto", tabindex: "0", role: "group", "aria-label": "what differs" }, parts.map((p) => (p.kind === "same" ? p.text : h(p.kind === "added" ? "ins" : "del", {}, p.text))))
      : columns.length ? h("ul", { class: "diff" }, columns.map((c) => h("li", {}, h("bdi", {}, c.name), ": ", h("del", {}, c.mine), " → ", h("ins", {}, c.theirs))), more > 0 && h("li", {}, `and ${more} more columns`))
      : h("span", { class: "muted" }, "no column differs");
    return h("div", { class: "twin" }, other({ ...o, text: undefined }, e), told);
  }

  return function draw() {
    const e = model.get("content").example;
    if (!e) fill(body, h("p", { class: "empty" }, "No row is looked at."));
    else {
      sound.keep(new Set([e.row]));
      fill(body,
        h("header", {}, h("h3", {}, "Row ", named(e.name, 20)), h("span", { class: "muted num" }, `${e.place} · ←/→`)),
        h("div", { class: "pair" }, e.image && h("div", { class: "large" }, picture(e.image, `row ${e.name}`)), e.probabilities.length > 0 && probabilities(e.probabilities)),
        e.text && h("div", { class: `whole ${e.text.kind}`, dir: "auto", tabindex: "0", role: "group", "aria-label": "text" }, parted(e.text.parts)),
        e.sound && sound.place(e.row, e.name),
        (e.given || e.suggested) && h("p", { class: "labels" }, e.given && ["Given ", label("given", e.given)], e.suggested && [e.given && ", suggested ", tag("sugg", e.suggested)],
          e.verdict && [" · ", h("b", { class: e.verdict.kind }, h("bdi", {}, e.verdict.text))]),
        e.reasons.map((r) => h("p", { class: "reason" }, h("b", {}, r.title), r.flagged ? "" : h("span", { class: "muted" }, " (not flagged)"), ` ${r.why}`, h("span", { class: "muted num" }, ` · ${r.score}`))),
        e.neighbours.length > 0 && part("Nearest", h("div", { class: `others${e.image ? "" : " wide"}` }, e.neighbours.map((o) => other(o, e)))),
        e.duplicates.length > 0 && part("Near duplicates", e.duplicates.map((o) => duplicate(o, e))),
        e.votes.length > 0 && part("Annotators", h("ul", { class: "votes" }, e.votes.map((v) => h("li", {}, named(v.who, 14), " ", tag(v.agrees ? "given" : "sugg", v.label))))),
        e.fields.length > 0 && h("dl", { class: "fields" }, e.fields.map((f) => h("div", {}, h("dt", {}, named(f.name, 14)), h("dd", { class: f.kind, dir: "auto" }, f.text))), e.more_fields > 0 && h("small", {}, `and ${e.more_fields} more columns`)),
      );
    }
    review.draw();
  };
}, ["content", "preview"]);
