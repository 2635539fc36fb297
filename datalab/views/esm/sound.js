// Recordings: fetched when somebody wants to hear them, one at a time.

function sounding({ ask, on, ends }) {
  const player = new Audio(), places = new Map(); // row → where it is drawn, kept from draw to draw
  let row = null; // that is heard, or waited for
  function show(r, sign, told, words = "") {
    const place = places.get(r);
    if (!place) return;
    const [key, note] = place.children;
    key.textContent = sign;
    key.title = told;
    key.setAttribute("aria-label", `${told} row ${place.dataset.name}`);
    note.textContent = note.title = words;
  }
  const quiet = () => { player.pause(); show(row, "▶", "play"); row = null; };
  function play(r) {
    const again = r === row;
    quiet();
    if (again) return;
    row = r;
    show(r, "…", "loading");
    ask("play", { row: r });
  }
  on("msg:custom", (message, buffers) => {
    if (message.sound !== row || row === null) return;
    if (message.problem) { show(row, "▶", "play", message.problem); row = null; return; }
    URL.revokeObjectURL(player.src);
    player.src = URL.createObjectURL(new Blob(buffers, { type: message.mime }));
    player.play().then(() => show(row, "■", "stop"), quiet);
  });
  player.addEventListener("timeupdate", () => row !== null && !player.paused && show(row, "■", "stop", `${player.currentTime.toFixed(1)} s`));
  player.addEventListener("ended", quiet);
  ends(() => { player.pause(); URL.revokeObjectURL(player.src); });

  function place(r, name) {
    if (!places.has(r)) {
      places.set(r, h("span", { class: "player", "data-name": name }, button("▶", (e) => { e.stopPropagation(); play(r); }), h("small")));
      show(r, "▶", "play");
    }
    return places.get(r);
  }
  const keep = (rows) => { for (const r of places.keys()) if (!rows.has(r) && r !== row) places.delete(r); };
  return { play, place, keep };
}
