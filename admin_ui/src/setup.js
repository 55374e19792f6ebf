// Set-up pages: what takes a while shows that it goes on, its answer comes into its place; addresses are copied.
import { say, text } from "./texts.js";

function progress(form) {
  const line = form.querySelector("[data-progress]");
  const began = performance.now();
  const tick = () => (line.textContent = text("working", { seconds: Math.floor((performance.now() - began) / 1000) }));
  const timer = setInterval(tick, 1000);
  tick();
  return (words) => {
    clearInterval(timer);
    line.textContent = words;
  };
}

// Post a form and put the part of the page it names in place of the old one.
async function run(form) {
  if (form.dataset.busy !== undefined) return;
  form.dataset.busy = "";
  const part = document.getElementById(form.dataset.part);
  const button = form.querySelector("button:not([type=button])");
  const focused = document.activeElement === button;
  part.setAttribute("aria-busy", "true");
  const end = progress(form);
  try {
    const answer = await fetch(form.action, {
      method: "POST",
      body: new URLSearchParams(new FormData(form)),
      headers: { "x-duly-fragment": "1" },
    });
    if (answer.headers.get("content-type")?.startsWith("application/json")) {
      end((await answer.json()).reason);
      return;
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const refused = page.querySelector("[role=alert]");
    const fresh = page.getElementById(part.id);
    if (refused || !fresh) {
      end(refused?.textContent ?? text("unreachable"));
      return;
    }
    end("");
    part.replaceChildren(...fresh.childNodes);
    if (focused) part.querySelector("form[data-part] button:not([type=button])")?.focus();
    const last = [...part.querySelectorAll(".health")].at(-1);
    if (last) say(last.textContent.trim());
  } catch {
    end(text("unreachable"));
  } finally {
    delete form.dataset.busy;
    part.removeAttribute("aria-busy");
  }
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.dataset.part !== undefined) {
    event.preventDefault();
    await run(form);
  } else if (form.dataset.checkAll !== undefined) {
    event.preventDefault();
    for (const each of document.querySelectorAll("#connectors form[data-part]")) await run(each);
  }
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const field = document.getElementById(button.dataset.copy);
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    button.textContent = text("copied");
    say(text("copied"));
  } catch {
    // It stays selected, so that the keys of the system copy it.
  }
});
