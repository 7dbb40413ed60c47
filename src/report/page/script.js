// The page tells everything without this script, too.
"use strict";
let parsed;
const text = () => document.getElementById("goldcrest-data").textContent;
const data = () => (parsed ??= JSON.parse(text()));

// The frame under the pointer.
const chart = document.querySelector(".scores");
if (chart) {
  const out = document.querySelector(".scrub"), cursor = chart.querySelector(".cursor");
  const move = (event) => {
    const { frames, stills, seconds } = data();
    if (!frames.length) return;
    const box = chart.getBoundingClientRect();
    const share = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 0.999999);
    let at = Math.floor(share * frames.length);
    if (!stills && seconds > 0) {
      const time = frames[0].time + share * seconds;
      let low = 0, high = frames.length - 1;
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (frames[middle].time <= time) low = middle;
        else high = middle - 1;
      }
      at = low;
    }
    const frame = frames[at];
    const x = String(share * box.width);
    cursor.setAttribute("x1", x);
    cursor.setAttribute("x2", x);
    const top = (frame.top ?? [frame]).slice(0, 3).map((t) => t.label + " " + t.score.toFixed(2));
    out.textContent = (stills ? frame.source ?? "picture " + frame.seq : frame.time.toFixed(2) + " s, frame " + frame.seq) + ": " + top.join(" · ");
  };
  chart.addEventListener("pointermove", move);
  chart.addEventListener("pointerdown", move);
}

// Rows of the confusion table in the order of a column.
for (const table of document.querySelectorAll(".confusion")) {
  const body = table.tBodies[0];
  [...table.tHead.rows[0].cells].forEach((cell, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = cell.textContent;
    cell.replaceChildren(button);
    button.addEventListener("click", () => {
      const down = cell.getAttribute("aria-sort") != "descending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      cell.setAttribute("aria-sort", down ? "descending" : "ascending");
      const value = (row) => (column ? Number.parseFloat(row.cells[column].textContent) || 0 : row.cells[0].textContent);
      const order = (a, b) => (column ? value(a) - value(b) : value(b).localeCompare(value(a)));
      body.append(...[...body.rows].sort((a, b) => (down ? -1 : 1) * order(a, b)));
    });
  });
}

const save = document.getElementById("save");
save.hidden = false;
save.addEventListener("click", () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text()], { type: "application/json" }));
  link.download = data().name.replace(/[^\w.-]+/g, "_") + ".json";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
});
