// News from the server. One tab of the browser holds the stream and tells the others; what a page shows is fetched
// again when it is concerned. Nothing changes under a card that is being dragged.
import { synchronise } from "./countdown.js";
import { text } from "./texts.js";

const channel = new BroadcastChannel("duly-live");
const QUIET = 25000; // two heartbeats and a half: after that the stream counts as lost
const GATHER = 150; // milliseconds in which changes that come together are answered by one fetch
let pending = new Set();
let timer = 0;
let fetching = false;

function concerned(change) {
  return [...document.querySelectorAll("[data-refresh]")].filter((element) => {
    if (!element.dataset.refresh.split(" ").includes(change.topic)) return false;
    if (change.topic !== "card") return true;
    if (element.dataset.card) return Number(element.dataset.card) === change.card;
    return !element.dataset.pipeline || !change.pipeline || element.dataset.pipeline === change.pipeline;
  });
}

function heard(change) {
  if (change.person && change.person !== document.body.dataset.user) return;
  for (const element of change.topic === "all" ? document.querySelectorAll("[data-refresh]") : concerned(change)) {
    pending.add(element.id);
  }
  schedule();
}

function schedule() {
  if (!pending.size || timer) return;
  timer = setTimeout(() => {
    timer = 0;
    refresh();
  }, GATHER);
}

// Fetch this page again and put the parts that are waiting in place of the old ones.
export async function refresh() {
  if (document.hidden || document.body.dataset.dragging !== undefined || fetching) return;
  const ids = [...pending];
  pending.clear();
  fetching = true;
  try {
    const answer = await fetch(location.href, { headers: { "x-duly-fragment": "1" } });
    if (answer.status === 401) location.reload();
    if (!answer.ok) return;
    synchronise(answer.headers.get("x-duly-now"));
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (document.body.dataset.dragging !== undefined) {
      ids.forEach((id) => pending.add(id));
      return;
    }
    for (const id of ids) replace(document.getElementById(id), page.getElementById(id));
    document.dispatchEvent(new CustomEvent("duly:refreshed", { detail: ids }));
  } catch {
    ids.forEach((id) => pending.add(id)); // the stream's return tries again
  } finally {
    fetching = false;
    if (!document.hidden) schedule();
  }
}

export function refreshAll() {
  heard({ topic: "all" });
}

// Keep what the person was doing: focus, scrolled columns, text half written, a voice message that plays.
function replace(old, fresh) {
  if (!old || !fresh || old.innerHTML === fresh.innerHTML) return;
  const active = document.activeElement;
  if (old.contains(active) && active.matches("input, textarea, select")) {
    pending.add(old.id);
    active.addEventListener("blur", schedule, { once: true });
    return;
  }
  const playing = [...old.querySelectorAll("audio, video")].find((media) => !media.paused);
  if (playing) {
    pending.add(old.id);
    playing.addEventListener("pause", schedule, { once: true });
    return;
  }
  const held = old.contains(active) ? active.closest("[id]") : null;
  const scrolls = [...old.querySelectorAll("[data-stage] > .cards")].map((list) => list.scrollTop);
  const across = old.scrollLeft;
  const open = [...old.querySelectorAll("details")].map((details) => details.open);
  old.replaceChildren(...fresh.childNodes);
  old.querySelectorAll("[data-stage] > .cards").forEach((list, i) => (list.scrollTop = scrolls[i] ?? 0));
  const details = old.querySelectorAll("details");
  if (details.length === open.length) details.forEach((element, i) => (element.open = open[i]));
  old.scrollLeft = across;
  if (held) {
    const again = document.getElementById(held.id);
    (again?.matches("a, button, [tabindex]") ? again : again?.querySelector("a, button"))?.focus();
  }
}

function show(lostAt) {
  const line = document.getElementById("offline");
  document.body.dataset.live = lostAt ? "off" : "on";
  line.hidden = !lostAt;
  if (lostAt) {
    const time = new Date(lostAt).toLocaleTimeString(document.documentElement.lang, {
      hour: "2-digit",
      minute: "2-digit",
    });
    line.textContent = text("offline", { time });
  }
}

function tell(message) {
  channel.postMessage(message);
  receive(message);
}

function receive(message) {
  if (message.kind === "change") heard(message.change);
  else if (message.kind === "live") show(message.lostAt);
}

function lead() {
  let lostAt = 0;
  let known = false;
  let watch = 0;
  let source = null;

  const alive = () => {
    clearTimeout(watch);
    watch = setTimeout(() => {
      source.close();
      lost();
      setTimeout(connect, 2000);
    }, QUIET);
  };
  const lost = () => {
    if (lostAt) return;
    lostAt = Date.now();
    tell({ kind: "live", lostAt });
  };
  const found = () => {
    alive();
    if (lostAt && known) tell({ kind: "change", change: { topic: "all" } });
    lostAt = 0;
    known = true;
    tell({ kind: "live", lostAt: 0 });
  };
  const connect = () => {
    source = new EventSource("/changes");
    source.addEventListener("hello", found);
    source.addEventListener("beat", alive);
    source.addEventListener("change", (event) => {
      alive();
      tell({ kind: "change", change: JSON.parse(event.data) });
    });
    source.onerror = () => {
      lost();
      if (source.readyState === EventSource.CLOSED) {
        clearTimeout(watch);
        setTimeout(connect, 4000);
      }
    };
  };
  connect();
  addEventListener("pagehide", () => {
    clearTimeout(watch);
    source.close();
  });
  return new Promise(() => {}); // held until the tab goes
}

export function start() {
  channel.onmessage = (event) => receive(event.data);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) schedule();
  });
  document.addEventListener("duly:dropped", schedule);
  document.addEventListener("duly:due", (event) => {
    pending.add(event.detail);
    schedule();
  });
  if (navigator.locks) navigator.locks.request("duly-live", lead);
  else lead();
}
