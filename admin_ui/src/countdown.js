// Badges count on by the server's time, which a demo may run faster than ours.
import { text } from "./texts.js";

let origin = Date.parse(document.body.dataset.now);
let since = performance.now();
const speed = Number(document.body.dataset.speed) || 1;

export function now() {
  return origin + (performance.now() - since) * speed;
}

export function synchronise(iso) {
  origin = Date.parse(iso);
  since = performance.now();
}

const two = (n) => String(n).padStart(2, "0");

// The same writing as `amount` on the server.
export function amount(milliseconds) {
  const whole = Math.floor(Math.abs(milliseconds) / 1000);
  const days = Math.floor(whole / 86400);
  const hours = Math.floor((whole % 86400) / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  if (days) return `${days}d ${hours}h`;
  if (hours) return `${hours}h ${two(minutes)}m`;
  return `${minutes}m ${two(whole % 60)}s`;
}

function write(element, value) {
  if (element && element.textContent !== value) element.textContent = value;
}

export function tick() {
  const at = now();
  tickWindow(at);
  for (const badge of document.querySelectorAll(".badge[data-due], .badge[data-since]")) {
    const left = badge.querySelector(".left");
    if (badge.dataset.since) {
      write(left, amount(at - Date.parse(badge.dataset.since)));
      continue;
    }
    const due = Date.parse(badge.dataset.due);
    const risk = Date.parse(badge.dataset.risk ?? "");
    write(left, amount(due - at));
    const state = badge.dataset.state === "late" || at >= due ? "late" : at >= risk ? "risk" : "ok";
    if (badge.dataset.state === state) continue;
    badge.dataset.state = state;
    write(badge.querySelector(".word"), text(state));
    const card = badge.closest(".card");
    if (card) card.dataset.state = state;
  }
}

// Until when WhatsApp takes free text; what the page says of it is fetched again once that has passed.
function tickWindow(at) {
  for (const line of document.querySelectorAll(".window[data-until]")) {
    const left = Date.parse(line.dataset.until) - at;
    write(line.querySelector(".left"), amount(Math.max(0, left)));
    if (left > 0) continue;
    delete line.dataset.until;
    document.dispatchEvent(new CustomEvent("duly:due", { detail: line.parentElement.id }));
  }
}

export function start() {
  tick();
  setInterval(tick, 1000);
}
