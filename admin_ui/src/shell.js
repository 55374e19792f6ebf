// On every page: countdowns, live news, keys, help. Pages work without it.
import { start as startCountdowns, tick } from "./countdown.js";
import { start as startFiles } from "./files.js";
import { start as startLive } from "./live.js";

document.documentElement.dataset.scripts = "";
startCountdowns();
if (document.body.dataset.user !== undefined) startLive();
document.addEventListener("duly:refreshed", tick);

for (const form of document.querySelectorAll("form.composer")) {
  startFiles(form);
  // News are fetched from the page's address: it has to name the way the form is for.
  if (form.dataset.at) history.replaceState(history.state, "", `${form.dataset.at}#composer`);
  // Another way or template: the form comes back with what belongs to it, and with what was written.
  for (const select of form.querySelectorAll("select[data-look]")) {
    select.addEventListener("change", () => form.requestSubmit(select.closest(".row").querySelector("button")));
  }
}

// `?` shows the help page's middle in a dialog; `g` and a letter goes somewhere; `/` searches.
const places = { b: "/", r: "/rules", v: "/versions", n: "/notices", p: "/parked", c: "/connectors", d: "/deliveries", q: "/quarantine" };
let going = false;

function typing(target) {
  return target.closest("input, textarea, select, [contenteditable=true], .cm-editor") !== null;
}

document.addEventListener("keydown", async (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (going && places[event.key]) {
    going = false;
    location.href = places[event.key];
    return;
  }
  going = event.key === "g";
  if (event.key === "?") {
    event.preventDefault();
    await showHelp();
  } else if (event.key === "/") {
    const search = document.getElementById("search");
    if (search) {
      event.preventDefault();
      search.focus();
    }
  }
});

async function showHelp() {
  let dialog = document.getElementById("help-dialog");
  if (!dialog) {
    const answer = await fetch("/help", { headers: { "x-duly-fragment": "1" } });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    dialog = document.createElement("dialog");
    dialog.id = "help-dialog";
    dialog.setAttribute("aria-label", page.querySelector("h1").textContent);
    const close = document.createElement("form");
    close.method = "dialog";
    const button = document.createElement("button");
    button.textContent = "OK";
    close.append(button);
    dialog.append(page.getElementById("help"), close);
    document.body.append(dialog);
  }
  dialog.showModal();
}

// Arrows walk the rows of a log, from one link to the next.
document.addEventListener("keydown", (event) => {
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  const row = event.target.closest("table.steps tbody tr");
  const links = [...document.querySelectorAll("table.steps tbody th a")];
  if (!links.length || typing(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
  if (!row && event.target !== document.body && !event.target.matches("main, .scroll")) return;
  const place = row ? links.indexOf(row.querySelector("th a")) : -1;
  const next = links[event.key === "ArrowDown" ? place + 1 : Math.max(place - 1, 0)];
  if (next) {
    event.preventDefault();
    next.focus();
  }
});

// The menu closes when one clicks or tabs away from it.
for (const menu of document.querySelectorAll("details.menu")) {
  document.addEventListener("click", (event) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
}

// A phone's row of places may be longer than the screen: it shows where one is.
document.querySelector(".rail nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

// Filters apply as they are chosen.
for (const select of document.querySelectorAll(".filters select")) {
  select.addEventListener("change", () => select.form.requestSubmit());
}
