// The example that is looked at. The review bar and its keys are those of the table.

export default view(({ model, el, set, ask }) => {
  el.classList.add("dl-inspector");
  const body = h("section", { class: "example", tabindex: "0", "aria-label": "example" });
  const review = reviewing({ model, set, ask, home: () => body });
  el.append(body, review.panel, review.buttons);
  el.addEventListener("keydown", (e) => {
    const by = e.target === body && { ArrowLeft: -1, ArrowRight: 1 }[e.key];
    if (by) ask("move", { by });
    if (by || review.press(e)) { e.preventDefault(); e.stopPropagation(); }
  });

  const player = h("div", { class: "sound" });
  const wait = (row) => button("Play the recording", () => ask("play", { row }));
  function sounded(message, buffers) {
    if (message.sound !== model.get("focus")) return;
    const src = URL.createObjectURL(new Blob(buffers, { type: message.mime }));
    fill(player, message.problem ? h("span", { class: "muted" }, message.problem) : h("audio", { controls: true, autoplay: true, src }));
  }
  model.on("msg:custom", sounded);

  const part = (title, ...children) => h("div", { class: "part" }, h("h3", {}, title), children);
  const label = (kind, text) => text && tag(text === "missing" ? "missing" : kind, text);
  const look = (row) => () => ask("pick", { row });
  const other = (o, ...below) => h("figure", {},
    h("button", { type: "button", class: "other", click: look(o.row), title: `look at row ${o.row}`, "aria-label": `look at row ${o.row}, labelled ${o.given}` },
      o.image ? picture(o.image, "") : h("span", { class: "muted" }, `row ${o.row}`)),
    o.text !== undefined && h("div", { class: "clamp", dir: "auto" }, o.text), h("figcaption", {}, o.given && h("bdi", {}, o.given), below));

  function probabilities(list) {
    return h("div", { class: "probs", role: "table", "aria-label": "predicted probabilities" }, list.map((p) =>
      h("div", { role: "row", class: p.kind }, h("bdi", { role: "cell" }, p.name), h("i", { role: "cell", "aria-hidden": "true", style: `--w:${p.p}` }), h("span", { role: "cell", class: "num" }, p.text))));
  }
  function duplicate(o) {
    const { parts, columns, more } = o.differs;
    const told = parts
      ? h("div", { class: "diff", dir: "auto", tabindex: "0", role: "group", "aria-label": "what differs" }, parts.map((p) => (p.kind === "same" ? p.text : h(p.kind === "added" ? "ins" : "del", {}, p.text))))
      : columns.length ? h("ul", { class: "diff" }, columns.map((c) => h("li", {}, h("bdi", {}, c.name), ": ", h("del", {}, c.mine), " → ", h("ins", {}, c.theirs))), more > 0 && h("li", {}, `and ${more} more columns`))
      : h("span", { class: "muted" }, "no column differs");
    return h("div", { class: "twin" }, other({ ...o, text: undefined }), told);
  }

  let row = null;
  return function draw() {
    const e = model.get("content").example;
    if (!e) fill(body, h("p", { class: "empty" }, "No row is looked at."));
    else {
      if (e.row !== row) fill(player, wait(e.row));
      row = e.row;
      fill(body,
        h("header", {}, h("h3", {}, `Example ${e.row} `, e.index && h("bdi", { class: "muted" }, e.index)), h("span", { class: "muted num" }, `${e.place} · ←/→`)),
        h("div", { class: "pair" }, e.image && h("div", { class: "large" }, picture(e.image, `example ${e.row}`)), e.probabilities.length > 0 && probabilities(e.probabilities)),
        e.text && h("div", { class: `whole ${e.text.kind}`, dir: "auto", tabindex: "0", role: "group", "aria-label": "text" }, e.text.text),
        e.sound && player,
        (e.given || e.suggested) && h("p", { class: "labels" }, e.given && ["Given ", label("given", e.given)], e.suggested && [e.given && ", suggested ", tag("sugg", e.suggested)],
          e.verdict && [" · ", h("b", { class: e.verdict.kind }, h("bdi", {}, e.verdict.text))]),
        e.reasons.map((r) => h("p", { class: "reason" }, h("b", {}, r.title), r.flagged ? "" : h("span", { class: "muted" }, " (not flagged)"), ` ${r.why}`, h("span", { class: "muted num" }, ` · ${r.score}`))),
        e.neighbours.length > 0 && part("Nearest", h("div", { class: `others${e.text && !e.image ? " wide" : ""}` }, e.neighbours.map((o) => other(o, h("small", { class: "num" }, ` ${o.distance}`))))),
        e.duplicates.length > 0 && part("Near duplicates", e.duplicates.map(duplicate)),
        e.votes.length > 0 && part("Annotators", h("ul", { class: "votes" }, e.votes.map((v) => h("li", {}, h("bdi", {}, v.who), " ", tag(v.agrees ? "given" : "sugg", v.label))))),
        e.fields.length > 0 && h("dl", { class: "fields" }, e.fields.map((f) => h("div", {}, h("dt", {}, h("bdi", {}, f.name)), h("dd", { class: f.kind, dir: "auto" }, f.text))), e.more_fields > 0 && h("small", {}, `and ${e.more_fields} more columns`)),
      );
    }
    review.draw();
  };
}, ["content", "preview"]);
