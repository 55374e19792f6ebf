// The text editor of the rules. Without it the page is a form with a text area.
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { bracketMatching, foldGutter, foldKeymap, syntaxHighlighting } from "@codemirror/language";
import { linter, lintGutter, forceLinting } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { EditorState } from "@codemirror/state";
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  highlightSpecialChars,
  hoverTooltip,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { forms } from "./forms.js";
import { colours, duly, folding } from "./language.js";
import { shownMarkdown } from "./markdown.js";
import { post } from "./server.js";
import { signs, tests, tried } from "./tests.js";
import { text } from "./texts.js";
import { workbench } from "./workbench.js";

const root = document.getElementById("editor");
const area = document.getElementById("source");
const status = document.getElementById("status");
const kept = document.getElementById("saved");
const loaded = JSON.parse(document.getElementById("state").textContent);
const editable = root.dataset.editable !== undefined;
const nonce = document.querySelector("meta[name=csp-nonce]").content;

const saved = { ...loaded.sources }; // what the server holds
const states = new Map(); // path -> EditorState of files not in view
let revision = loaded.revision;
let base = loaded.base;
let chosen = root.dataset.chosen;
let problems = [];
let asking = null;

function textOf(path) {
  if (path === chosen) return view.state.doc.toString();
  return states.has(path) ? states.get(path).doc.toString() : saved[path];
}

function sources() {
  return Object.fromEntries(Object.keys(saved).map((path) => [path, textOf(path)]));
}

function unsaved() {
  return Object.keys(saved).filter((path) => textOf(path) !== saved[path]);
}

function tell(message, state, place = status) {
  place.textContent = message;
  place.dataset.state = state;
}

// --- places: the server counts lines and code points from 1, the editor UTF-16 units from 0

function offset(doc, line, column) {
  if (line > doc.lines) return doc.length;
  const row = doc.line(Math.max(line, 1));
  const points = [...row.text].slice(0, Math.max(column - 1, 0));
  return Math.min(row.from + points.join("").length, row.to);
}

function range(doc, span) {
  const from = offset(doc, span.line, span.column);
  const to = Math.max(offset(doc, span.endLine, span.endColumn), from);
  return { from, to };
}

// --- problems

async function check() {
  asking?.abort();
  const mine = (asking = new AbortController());
  tell(text("checking"), "busy");
  let answer;
  try {
    answer = await post("/rules/check", { json: { sources: sources() }, signal: mine.signal });
    if (!answer.ok) throw new Error(answer.status);
    answer = await answer.json();
  } catch (error) {
    if (error.name !== "AbortError") tell(text("unchecked"), "bad");
    return [];
  }
  if (mine !== asking) return [];
  problems = answer.problems;
  list();
  bench.refresh();
  const errors = problems.filter((problem) => problem.severity === "error").length;
  if (problems.length) tell(text("problems", { count: problems.length }), errors ? "bad" : "warn");
  else tell(text("clean"), "good");
  return problems.filter((problem) => problem.span.path === chosen).map(shown);
}

function shown(problem) {
  const { doc } = view.state;
  const { from, to } = range(doc, problem.span);
  return {
    from,
    to,
    severity: problem.severity,
    source: problem.code,
    message: problem.help ? `${problem.message} ${problem.help}` : problem.message,
    actions: editable ? problem.fixes.filter((fix) => fix.span.path === chosen).map(action) : [],
  };
}

function action(fix) {
  return {
    name: fix.title,
    apply(target) {
      target.dispatch({ changes: { ...range(target.state.doc, fix.span), insert: fix.text }, userEvent: "input.fix" });
      target.focus();
    },
  };
}

// --- what can be written, and what words mean

async function ask(path, pos) {
  const row = view.state.doc.lineAt(pos);
  const column = [...row.text.slice(0, pos - row.from)].length + 1;
  try {
    const answer = await post(path, { json: { sources: sources(), path: chosen, line: row.number, column } });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null; // no help is no harm
  }
}

async function complete(context) {
  const word = context.matchBefore(/"[^"\n]*|[\p{L}_][\p{L}\p{N}_-]*/u);
  if (!word && !context.explicit) return null;
  const answer = await ask("/rules/complete", context.pos);
  if (!answer?.options.length || context.aborted) return null;
  const { from, to } = range(context.state.doc, answer.span);
  const options = answer.options.map(({ text, kind, detail, doc }, n) => ({
    label: text,
    detail,
    type: kind === "keyword" ? "keyword" : "variable",
    boost: -n / answer.options.length,
    info: doc ? () => shownMarkdown(doc) : undefined,
  }));
  return { from, to: Math.max(to, context.pos), options, validFor: /^(?:"[^"{\n]*|[\p{L}\p{N}_-]*)$/u };
}

const meanings = hoverTooltip(async (target, pos) => {
  const answer = await ask("/rules/hover", pos);
  if (!answer?.text) return null;
  const { from, to } = range(target.state.doc, answer.span);
  return { pos: from, end: to, above: true, create: () => ({ dom: shownMarkdown(answer.text) }) };
});

function list() {
  const template = document.getElementById("problem-template").content;
  const rows = problems.map((problem) => {
    const row = template.cloneNode(true);
    const [message, help, place] = row.querySelectorAll("strong, span > span, small");
    const link = row.querySelector("a");
    row.querySelector("li").classList.add(problem.severity);
    row.querySelector(problem.severity === "error" ? ".icon-risk" : ".icon-late").remove();
    link.href = `/rules?file=${encodeURIComponent(problem.span.path)}`;
    link.dataset.path = problem.span.path;
    link.dataset.line = problem.span.line;
    link.dataset.column = problem.span.column;
    message.textContent = problem.message;
    help.textContent = problem.help;
    place.textContent = `${problem.span.path}:${problem.span.line} · ${problem.code}`;
    return row;
  });
  document.getElementById("problems").replaceChildren(...rows);
  document.getElementById("problem-count").textContent = problems.length;
  document.getElementById("no-problems").hidden = problems.length > 0;
}

function nextProblem() {
  if (!problems.length) return true;
  const order = Object.keys(saved).sort();
  const key = ({ path, line, column }) => [order.indexOf(path), line, column];
  const head = view.state.selection.main.head;
  const row = view.state.doc.lineAt(head);
  const here = [order.indexOf(chosen), row.number, [...row.text.slice(0, head - row.from)].length + 1];
  const later = (a, b) => {
    const i = a.findIndex((value, n) => value !== b[n]);
    return i >= 0 && a[i] > b[i];
  };
  const sorted = problems.map(({ span }) => span).sort((a, b) => (later(key(a), key(b)) ? 1 : -1));
  goTo(sorted.find((span) => later(key(span), here)) ?? sorted[0]);
  return true;
}

function goTo({ path, line, column }) {
  if (path in saved) open(path);
  const at = offset(view.state.doc, Number(line), Number(column));
  view.dispatch({ selection: { anchor: at }, effects: EditorView.scrollIntoView(at, { y: "center" }) });
  view.focus();
}

// --- files

const extensions = () => [
  EditorView.cspNonce.of(nonce),
  lineNumbers(),
  foldGutter(),
  lintGutter(),
  tried,
  history(),
  drawSelection(),
  highlightSpecialChars(),
  highlightActiveLine(),
  highlightActiveLineGutter(),
  highlightSelectionMatches(),
  search({ top: true }),
  bracketMatching(),
  closeBrackets(),
  duly,
  syntaxHighlighting(colours),
  folding,
  linter(check, { delay: 250 }),
  autocompletion({ override: [complete], icons: false }),
  meanings,
  EditorView.updateListener.of((update) => {
    if (update.docChanged) mark();
    if (bench.shown() === "form") follow(update);
  }),
  keymap.of([
    { key: "Mod-s", preventDefault: true, run: () => (save(), true) },
    { key: "F8", preventDefault: true, run: nextProblem },
    ...closeBracketsKeymap,
    ...completionKeymap,
    ...foldKeymap,
    ...searchKeymap,
    ...historyKeymap,
    ...defaultKeymap,
  ]),
  EditorView.contentAttributes.of({ "aria-label": root.dataset.label.replace("{file}", chosen), spellcheck: "false", tabindex: "0" }),
  EditorState.readOnly.of(!editable),
  EditorState.tabSize.of(2),
];

function open(path) {
  if (path === chosen) return;
  states.set(chosen, view.state);
  chosen = path;
  view.setState(states.get(path) ?? EditorState.create({ doc: saved[path], extensions: extensions() }));
  states.delete(path);
  for (const link of document.querySelectorAll(".files a")) {
    if (link.dataset.path === path) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  bench.remember(path);
  view.dispatch({ effects: signs(view.state.doc, coverage[path]) });
  forceLinting(view);
}

function mark() {
  const changed = unsaved();
  for (const link of document.querySelectorAll(".files a")) {
    link.classList.toggle("changed", changed.includes(link.dataset.path));
  }
  if (changed.length) tell(text("unsaved"), "warn", kept);
}

const lineOf = ({ doc, selection }) => doc.lineAt(selection.main.head).number;

const bench = workbench({ sources, where: () => ({ path: chosen, line: lineOf(view.state) }) });

let waiting = 0;

// The form shows the block under the cursor; `check` renews it after changes.
function follow({ state, startState, docChanged, selectionSet }) {
  if (!selectionSet || docChanged || lineOf(state) === lineOf(startState)) return;
  clearTimeout(waiting);
  waiting = setTimeout(bench.refresh, 100);
}

forms({
  sources,
  apply(edits) {
    open(edits[0].path);
    const { doc } = view.state;
    const changes = edits.filter((edit) => edit.path === chosen).map((edit) => ({ ...range(doc, edit), insert: edit.text }));
    view.dispatch({ changes, userEvent: "input.form" });
  },
  refresh: () => bench.refresh(),
});

let coverage = {}; // path -> line -> how much of it the tests have tried, of the last run
tests({
  sources,
  covered: (lines) => {
    coverage = lines;
    view.dispatch({ effects: signs(view.state.doc, coverage[chosen]) });
  },
});

const view = new EditorView({ parent: root, state: EditorState.create({ doc: saved[chosen], extensions: extensions() }) });
const typed = area.value;
if (editable && typed !== saved[chosen]) {
  view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: typed } });
}
document.getElementById("file-form").hidden = true;
root.dataset.ready = "";
const asked = Number(new URLSearchParams(location.search).get("line"));
if (asked) goTo({ path: chosen, line: asked, column: 1 });

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-path]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  if (link.dataset.line) goTo({ path: link.dataset.path, line: link.dataset.line, column: link.dataset.column });
  else {
    open(link.dataset.path);
    view.focus();
  }
});

// --- saving and publishing

// Replace only what differs, so that the cursor and the undo history stay.
function become(wanted) {
  const now = view.state.doc.toString();
  if (now === wanted) return;
  let from = 0;
  while (from < now.length && now[from] === wanted[from]) from++;
  let end = 0;
  while (end < now.length - from && end < wanted.length - from && now.at(-1 - end) === wanted.at(-1 - end)) end++;
  view.dispatch({
    changes: { from, to: now.length - end, insert: wanted.slice(from, wanted.length - end) },
    userEvent: "format",
  });
}

let saving = null;

function save() {
  saving = (saving ?? Promise.resolve()).then(store, store);
  return saving;
}

// Format the file in view, then keep all files as the draft; true when the server has them.
async function store() {
  if (!editable) return false;
  const path = chosen;
  const before = textOf(path);
  try {
    const formatted = await post("/rules/format", { json: { text: before } });
    if (formatted.ok && chosen === path && textOf(path) === before) become((await formatted.json()).text);
    const held = sources();
    const answer = await post("/rules/draft", { json: { sources: held, base, revision } });
    const told = await answer.json();
    if (answer.status === 409) {
      conflict(told);
      return false;
    }
    if (!answer.ok) {
      tell(text("conflict", { message: told.reason ?? answer.status }), "bad", kept);
      return false;
    }
    document.getElementById("conflict").hidden = true;
    ({ revision, base } = told);
    Object.assign(saved, held);
    for (const input of document.querySelectorAll("input[name=revision]")) input.value = revision;
    document.getElementById("discard").hidden = false;
    mark();
    tell(text("saved"), "good", kept);
    return true;
  } catch {
    tell(text("unchecked"), "bad", kept);
    return false;
  }
}

let theirs = 0;

function conflict(told) {
  const banner = document.getElementById("conflict");
  banner.querySelector("span").textContent = text("conflict", { message: told.message });
  banner.hidden = false;
  theirs = told.revision;
  tell(text("unsaved"), "bad", kept);
}

if (editable) {
  document.getElementById("save").addEventListener("click", (event) => {
    event.preventDefault();
    save();
  });
  document.getElementById("overwrite").addEventListener("click", () => {
    revision = theirs;
    save();
  });
  document.getElementById("publish-open").addEventListener("click", async (event) => {
    event.preventDefault();
    if (revision === 0 && !unsaved().length) return tell(text("nothing"), "warn", kept);
    if (await save()) location.assign(event.target.href);
  });
  // Ctrl+S belongs to the page, wherever the focus is.
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "s") {
      event.preventDefault();
      if (!event.target.closest(".cm-editor")) save();
    }
  });
  addEventListener("beforeunload", (event) => {
    if (unsaved().length) event.preventDefault();
  });
}
