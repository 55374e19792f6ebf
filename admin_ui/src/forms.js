// The form beside the text: what is changed there comes back from the server as changes of the text.
import { post } from "./server.js";
import { text } from "./texts.js";

const place = document.getElementById("view-form");
const told = document.getElementById("view-status");

function operation(form) {
  const data = new FormData(form);
  const at = data.get("at");
  return {
    op: data.get("op"),
    path: data.get("path"),
    file: data.get("file"),
    value: data.getAll("value").join(", "),
    at: at === null ? null : Number(at),
  };
}

// `apply(edits)` makes changes of the text as one step to undo; `refresh()` makes the form anew. A form that is older than
// the text takes no clicks, and the server refuses what the form showed otherwise.
export function forms({ sources, apply, refresh }) {
  async function send(form) {
    const wanted = operation(form);
    const was = form.dataset.was ?? null;
    for (const button of place.querySelectorAll("button")) button.disabled = true;
    try {
      const answer = await post("/rules/edit", { json: { sources: sources(), operation: wanted, was } });
      if (!answer.ok) throw new Error(answer.status);
      const { edits, refused } = await answer.json();
      told.textContent = refused ? text("not-changed", { reason: refused }) : "";
      if (edits.length) apply(edits);
      if (wanted.op === "insert" && !refused) form.reset();
    } catch {
      told.textContent = text("unchecked");
    }
    await refresh();
    for (const button of place.querySelectorAll("button")) button.disabled = false;
  }

  place.addEventListener("change", (event) => {
    const form = event.target.closest("form.row");
    if (form && form.elements.namedItem("op").value === "set") send(form);
  });
  place.addEventListener("submit", (event) => {
    event.preventDefault();
    if (event.target.elements.namedItem("op").value !== "set") send(event.target);
  });
}

// Put a new form in place of the old one, unless somebody is writing in that; the focus stays on the same control.
export function renew(html) {
  const focused = place.contains(document.activeElement) ? document.activeElement : null;
  if (focused?.matches("input:not([type=checkbox])") && focused.value !== focused.defaultValue) return;
  const open = place.querySelector("details")?.open;
  place.innerHTML = html;
  if (open) place.querySelector("details").open = true;
  if (focused?.id) document.getElementById(focused.id)?.focus();
}
