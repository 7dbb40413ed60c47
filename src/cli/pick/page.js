// A label can be written below each picture; the commands that sort the files follow from the labels.
const list = document.getElementById("labels"), box = document.getElementById("sort"), pre = box.querySelector("pre");
const quote = (text) => "'" + text.replaceAll("'", "'\\''") + "'";
const fields = [...document.querySelectorAll("figure")].map((figure) => {
  const field = document.createElement("input");
  field.placeholder = "label";
  field.maxLength = 64;
  field.autocapitalize = "off";
  field.setAttribute("list", "labels");
  field.setAttribute("aria-label", "Label of picture " + figure.dataset.number);
  figure.querySelector("figcaption").append(field);
  field.addEventListener("input", update);
  return [field, figure.dataset.file];
});
function update() {
  const labels = new Map();
  for (const [field, file] of fields) {
    const label = field.value.trim().replaceAll("/", "-").replace(/^\.+/, "");
    if (label) labels.set(label, [...(labels.get(label) ?? []), file]);
  }
  list.replaceChildren(...[...new Set([...labels.keys(), "none"])].map((label) => new Option(label)));
  box.hidden = labels.size == 0;
  const folder = box.dataset.folder;
  const lines = ["cd " + quote(folder), "mkdir -p " + [...labels.keys()].map((l) => quote("./" + l)).join(" ")];
  for (const [label, files] of labels)
    lines.push("mv " + files.map((f) => quote("./" + f)).join(" ") + " " + quote("./" + label + "/"));
  pre.textContent = lines.join("\n");
}
box.querySelector("button").addEventListener("click", () => {
  const range = document.createRange();
  range.selectNodeContents(pre);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
  // A page from a disk may not write to the clipboard everywhere; then the selection remains.
  navigator.clipboard?.writeText(pre.textContent).catch(() => {});
});
