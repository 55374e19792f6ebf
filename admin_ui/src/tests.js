// Running the tests of what is typed, and what they have tried as signs beside the lines.
import { RangeSet, StateEffect, StateField } from "@codemirror/state";
import { gutter, GutterMarker } from "@codemirror/view";
import { post } from "./server.js";
import { text } from "./texts.js";

const SIGNS = { all: "✓", some: "◐", none: "✗" };
const setTried = StateEffect.define();

class Sign extends GutterMarker {
  constructor(kind) {
    super();
    this.kind = kind;
  }
  eq(other) {
    return other.kind === this.kind;
  }
  toDOM() {
    const sign = document.createElement("span");
    sign.className = `tried-${this.kind}`;
    sign.title = text(`tried-${this.kind}`);
    sign.textContent = SIGNS[this.kind];
    return sign;
  }
}

const field = StateField.define({
  create: () => RangeSet.empty,
  update(signs, transaction) {
    for (const effect of transaction.effects) if (effect.is(setTried)) return effect.value;
    return signs.map(transaction.changes);
  },
});

export const tried = [
  field,
  gutter({ class: "cm-tried", markers: (view) => view.state.field(field), initialSpacer: () => new Sign("all") }),
];

// An effect that shows the signs of one file (`lines`: number -> kind).
export function signs(doc, lines = {}) {
  const found = Object.entries(lines)
    .filter(([line]) => line <= doc.lines)
    .map(([line, kind]) => new Sign(kind).range(doc.line(Number(line)).from));
  return setTried.of(RangeSet.of(found, true));
}

// `sources()` is what is typed; `covered(lines)` takes the coverage by file.
export function tests({ sources, covered }) {
  let running = null;

  async function run(form) {
    const place = document.getElementById("test-results");
    const progress = document.getElementById("tests-progress");
    const stop = form.querySelector("#stop-tests");
    const told = document.getElementById("view-status");
    running?.abort();
    const mine = (running = new AbortController());
    progress.hidden = stop.hidden = false;
    progress.removeAttribute("value");
    try {
      const answer = await post("/rules/tests", { json: { sources: sources() }, signal: mine.signal });
      if (!answer.ok) throw new Error(answer.status);
      for await (const line of lines(answer.body)) {
        if (line.html !== undefined) {
          place.innerHTML = line.html;
          covered(line.lines);
        } else if (line.all) {
          progress.value = line.done / line.all;
          told.textContent = text("testing", line);
        }
      }
      told.textContent = "";
    } catch (error) {
      told.textContent = text(error.name === "AbortError" ? "stopped" : "unchecked");
    } finally {
      if (mine === running) progress.hidden = stop.hidden = true;
    }
  }

  document.addEventListener("submit", (event) => {
    if (event.target.id !== "tests-form") return;
    event.preventDefault();
    run(event.target);
  });
  document.addEventListener("click", (event) => {
    if (event.target.id === "stop-tests") running?.abort();
  });
}

async function* lines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    for (const part of parts) if (part) yield JSON.parse(part);
  }
}
