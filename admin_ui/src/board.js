// Moving cards, by hand and by key. The server decides; a card it refuses goes back and says why.
import Sortable from "sortablejs";
import { refreshAll } from "./live.js";
import { post } from "./server.js";
import { say, text } from "./texts.js";

const board = document.getElementById("board");
const movable = board.dataset.movable !== undefined;
const columns = () => [...board.querySelectorAll(".column")];
const cards = (column) => [...column.querySelectorAll(".card")];

async function move(number, stage) {
  let answer;
  try {
    answer = await post(`/cards/${number}/move`, { form: { stage } });
  } catch {
    say(text("unreachable"));
    return false;
  }
  if (answer.ok) {
    say(text("moved", { card: `#${number}`, stage }));
    return true;
  }
  const { reason } = await answer.json();
  say(text("refused", { card: `#${number}`, reason }));
  return false;
}

function allowed(column, stage) {
  const next = JSON.parse(column.dataset.next);
  return !next.length || next.includes(stage);
}

function recount() {
  for (const column of columns()) {
    column.querySelector(".count").textContent = cards(column).length;
    const none = column.querySelector(".none");
    if (none) none.hidden = cards(column).length > 0;
  }
}

function arm() {
  if (!movable) return;
  for (const list of board.querySelectorAll(".cards")) {
    Sortable.create(list, {
      group: "cards",
      sort: false, // a column's order is the order of due times
      animation: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 140,
      delay: 180,
      delayOnTouchOnly: true,
      forceFallback: true,
      fallbackTolerance: 4,
      ghostClass: "ghost",
      onStart(event) {
        document.body.dataset.dragging = "";
        const from = event.from.closest(".column");
        for (const column of columns()) {
          column.classList.toggle("closed", column !== from && !allowed(from, column.dataset.stage));
        }
      },
      async onEnd(event) {
        for (const column of columns()) column.classList.remove("closed");
        const back = event.from.children[event.oldIndex] ?? null;
        const stage = event.to.closest(".column").dataset.stage;
        if (event.to !== event.from) {
          recount();
          if (!(await move(event.item.dataset.number, stage))) {
            event.from.insertBefore(event.item, back);
            recount();
          }
        }
        delete document.body.dataset.dragging;
        refreshAll();
      },
    });
  }
}

function focus(card) {
  card?.querySelector(".card-link").focus();
}

board.addEventListener("keydown", async (event) => {
  const card = event.target.closest(".card");
  if (!card || event.ctrlKey || event.metaKey || event.altKey) return;
  const all = columns();
  const column = card.closest(".column");
  const place = all.indexOf(column);
  const row = cards(column).indexOf(card);
  const beside = (step) => {
    for (let i = place + step; i >= 0 && i < all.length; i += step) {
      const there = cards(all[i]);
      if (there.length) return there[Math.min(row, there.length - 1)];
    }
    return null;
  };
  switch (event.key) {
    case "ArrowDown":
      focus(cards(column)[row + 1]);
      break;
    case "ArrowUp":
      focus(cards(column)[row - 1]);
      break;
    case "ArrowRight":
      focus(beside(1));
      break;
    case "ArrowLeft":
      focus(beside(-1));
      break;
    case "[":
    case "]": {
      const to = all[place + (event.key === "]" ? 1 : -1)];
      if (!movable || !to) return;
      event.preventDefault();
      document.body.dataset.dragging = "";
      const after = card.nextElementSibling;
      to.querySelector(".cards").prepend(card);
      focus(card);
      recount();
      if (!(await move(card.dataset.number, to.dataset.stage))) {
        column.querySelector(".cards").insertBefore(card, after);
        focus(card);
        recount();
      }
      delete document.body.dataset.dragging;
      refreshAll();
      return;
    }
    default:
      return;
  }
  event.preventDefault();
});

arm();
document.addEventListener("duly:refreshed", (event) => {
  if (event.detail.includes("board")) arm();
});
