// The chain: cards from left to right, each with what goes in, what is flagged and what goes on.

export default view(({ model, el, ask }) => {
  el.classList.add("dl-chain");
  const head = h("header", { class: "top" }), problem = h("p", { class: "problem", role: "alert" });
  const cards = h("div", { class: "steps" }), code = h("pre", { class: "code", hidden: true, tabindex: "0", "aria-label": "Python of this chain" });
  el.append(head, problem, cards, code);

  function field(step, p) {
    const label = `${p.name} of ${step.title}`, send = (value) => ask("set", { step: step.name, parameter: p.name, value });
    // A notebook takes Enter for itself, so that the browser tells of no change.
    const enter = (e) => { if (e.key === "Enter") { e.preventDefault(); e.stopPropagation(); send(e.target.value.trim() || "null"); } };
    const input = p.fixed ? h("span", { class: "muted" }, p.text)
      : p.kind === "bool" ? h("input", { type: "checkbox", checked: p.text === "true", "aria-label": label, change: (e) => send(String(e.target.checked)) })
      : h("input", { value: p.text, placeholder: "auto", "aria-label": label, inputmode: p.kind === "number" ? "decimal" : null, "data-key": label, keydown: enter, change: (e) => send(e.target.value.trim() || "null") });
    return h("label", {}, h("span", { title: p.name }, p.name.replaceAll("_", " ")), input);
  }
  const FIRST = 3, opened = new Set(); // parameters that are seen at once; cards that show all
  function fields(step) {
    const seen = (p, i) => p.changed || i < FIRST, rest = step.parameters.filter((p, i) => !seen(p, i));
    const toggled = (e) => (e.target.open ? opened.add(step.name) : opened.delete(step.name));
    return [step.parameters.filter(seen).map((p) => field(step, p)),
      rest.length > 0 && h("details", { open: opened.has(step.name), toggle: toggled }, h("summary", {}, `${rest.length} more`), rest.map((p) => field(step, p)))];
  }
  function card(step, at, all) {
    const { actions, running } = model.get("content"), name = step.name, mine = running === name;
    const then = h("select", { "aria-label": `what ${step.title} does`, change: (e) => ask("then", { step: name, action: e.target.value }) },
      actions.map((a) => h("option", { value: a.name, selected: a.name === step.action }, a.text)));
    const tool = (text, label, action, args, disabled) => button(text, () => ask(action, { step: name, ...args }), { "aria-label": `${label} ${step.title}`, title: label, disabled, "data-key": `${label} ${name}` });
    return h("article", { class: `step ${mine ? "running" : step.state.replaceAll(" ", "-")}`, "aria-label": step.title },
      h("header", {}, h("h3", {}, step.title), h("span", { class: "state" }, mine ? "running" : step.state)),
      fields(step),
      h("div", { class: "flow num" }, step.flagged ? [h("span", {}, step.rows_in), "→", h("b", {}, step.flagged), h("span", {}, "flagged")] : h("span", {}, step.enabled ? "rows in and flagged: after the run" : "left out of the run")),
      h("label", {}, h("span", {}, "then"), then),
      h("footer", {}, h("span", { class: "num" }, step.rows_out ? `${step.rows_out} rows go on` : ""), h("span", { class: "muted num" }, step.seconds)),
      step.notes && h("p", { class: "muted" }, step.notes),
      h("div", { class: "row tools" }, tool("←", "move left", "move", { by: -1 }, at === 0), tool("→", "move right", "move", { by: 1 }, at === all.length - 1),
        tool(step.enabled ? "Switch off" : "Switch on", step.enabled ? "switch off" : "switch on", "enable", { on: !step.enabled }), tool("Remove", "remove", "remove", {})));
  }

  return function draw() {
    const c = model.get("content"), key = document.activeElement?.dataset?.key;
    const add = h("select", { "aria-label": "add a step", change: (e) => e.target.value && ask("add", { issue: e.target.value }) },
      h("option", { value: "" }, "Add step…"), c.issues.map((i) => h("option", { value: i.name }, i.title)));
    problem.textContent = model.get("problem");
    fill(head, h("div", { class: "what" }, h("h2", {}, "Chain"), h("span", { class: "muted num", role: "status" },
        [`${c.rows_in} rows in`, c.rows_out && `${c.rows_out} rows out`, c.running ? "running" : c.waiting && `${c.waiting} waits`].filter(Boolean).join(" · "))),
      h("div", { class: "row" }, add, button(code.hidden ? "Show as Python" : "Hide Python", () => { code.hidden = !code.hidden; draw(); }, { "aria-expanded": String(!code.hidden), "data-key": "code" }),
        c.running ? button("Cancel", () => ask("cancel"), { "data-key": "run" })
          : button(c.waiting ? `Run from ${c.waiting}` : "All fresh", () => ask("run"), { class: "primary", disabled: !c.waiting, "data-key": "run" })));
    fill(cards, c.steps.length ? c.steps.map(card) : h("p", { class: "empty" }, "No step yet: add one above."));
    code.textContent = c.code;
    if (key) el.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
  };
}, ["content", "problem"]);
