// Files of a reply: chosen, dropped or pasted, shown as chips that can be taken away again. What is sent is the form's own
// file input, so the page works without this.
import { say, text } from "./texts.js";

function size(bytes) {
  const units = ["B", "KB", "MB"];
  let unit = 0;
  while (bytes >= 1000 && unit < 2) {
    bytes /= 1024;
    unit += 1;
  }
  const digits = { maximumFractionDigits: unit && bytes < 100 ? 1 : 0 };
  return `${bytes.toLocaleString(document.documentElement.lang, digits)} ${units[unit]}`;
}

export function start(form) {
  const input = form.querySelector("input[type=file]");
  const chips = form.querySelector(".chosen");
  const words = form.querySelector("textarea");
  const most = { bytes: Number(input.dataset.bytes), files: Number(input.dataset.files) };
  let kept = [];

  function show() {
    const transfer = new DataTransfer();
    kept.forEach((file) => transfer.items.add(file));
    input.files = transfer.files;
    words.required = form.dataset.closed === undefined && !kept.length && !form.querySelector("[name=kept]:checked");
    chips.replaceChildren(
      ...kept.map((file) => {
        const item = document.createElement("li");
        const button = document.createElement("button");
        item.className = "chip";
        button.type = "button";
        button.textContent = "×";
        button.setAttribute("aria-label", text("remove", { name: file.name }));
        button.addEventListener("click", () => {
          kept = kept.filter((other) => other !== file);
          show();
          (chips.querySelector("button") ?? input).focus();
        });
        item.append(`${file.name} · ${size(file.size)} `, button);
        return item;
      }),
    );
  }

  function add(files) {
    const more = [...files];
    const wanted = [...kept, ...more];
    if (wanted.length > most.files) say(text("too-many-files", { most: most.files }));
    else if (wanted.reduce((sum, file) => sum + file.size, 0) > most.bytes) {
      say(text("too-large-files", { most: size(most.bytes) }));
    } else kept = wanted;
    show();
  }

  input.addEventListener("change", () => add(input.files));
  form.addEventListener("paste", (event) => {
    if (!event.clipboardData.files.length) return;
    event.preventDefault();
    add(event.clipboardData.files);
  });
  const carries = (event) => event.dataTransfer.types.includes("Files");
  form.addEventListener("dragover", (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    form.dataset.over = "";
  });
  form.addEventListener("dragleave", (event) => {
    if (!form.contains(event.relatedTarget)) delete form.dataset.over;
  });
  form.addEventListener("drop", (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    delete form.dataset.over;
    add(event.dataTransfer.files);
  });
  form.addEventListener("change", (event) => {
    if (event.target.name === "kept") show();
  });
  kept = [...input.files]; // what the browser has kept over a reload
  show();
}
