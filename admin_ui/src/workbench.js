// The tabs beside the text. A view is made by the server from the text as typed; one that comes too late is dropped, and
// while the text has errors the last good one stays.
import { renew } from "./forms.js";
import { post } from "./server.js";
import { text } from "./texts.js";

const tabs = document.getElementById("views");
const told = document.getElementById("view-status");
let asking = null;

export const shown = () => tabs.querySelector("[aria-current]").dataset.view;

const place = (view) => document.getElementById(`view-${view}`);

// `sources()` and `where()` (path, line) tell what the editor holds.
export function workbench({ sources, where }) {
  tabs.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    show(link.dataset.view);
  });

  function show(view) {
    for (const link of tabs.querySelectorAll("a")) {
      if (link.dataset.view === view) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
      place(link.dataset.view).hidden = link.dataset.view !== view;
    }
    told.textContent = "";
    remember(where().path);
    refresh();
  }

  // The tabs and the address belong to the file in view.
  function remember(path) {
    const query = (view) => `/rules?file=${encodeURIComponent(path)}${view === "problems" ? "" : `&view=${view}`}`;
    for (const link of tabs.querySelectorAll("a")) link.href = query(link.dataset.view);
    window.history.replaceState(null, "", query(shown()));
  }

  // Make the view that is shown from the text as typed.
  async function refresh() {
    const view = shown();
    if (view !== "graph" && view !== "form") return;
    asking?.abort();
    const mine = (asking = new AbortController());
    try {
      const answer = await post(`/rules/${view}`, { json: { sources: sources(), ...where() }, signal: mine.signal });
      if (!answer.ok) throw new Error(answer.status);
      const { broken, html } = await answer.json();
      if (mine !== asking || shown() !== view) return;
      const there = place(view);
      const keeps = broken && there.childElementCount > 0;
      if (keeps) told.textContent = text("stale");
      else if (there.classList.contains("stale")) told.textContent = "";
      there.classList.toggle("stale", Boolean(keeps));
      if (view === "form") renew(html);
      else if (!keeps) draw(there, html);
    } catch (error) {
      if (error.name !== "AbortError") told.textContent = text("unchecked");
    }
  }

  // Who is on a box by keyboard stays on it.
  function draw(there, html) {
    const held = there.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    there.innerHTML = html;
    if (held) [...there.querySelectorAll("a")].find((link) => link.getAttribute("href") === held)?.focus();
  }

  document.addEventListener("click", async (event) => {
    if (event.target.id !== "export-graph") return;
    event.preventDefault();
    const answer = await post("/rules/graph.svg", { json: { sources: sources() } });
    if (!answer.ok) return void (told.textContent = text("stale"));
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await answer.blob());
    link.download = "rules.svg";
    link.click();
    URL.revokeObjectURL(link.href);
  });

  return { refresh, remember, shown };
}
