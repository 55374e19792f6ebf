// Colours and folding of the Duly language. What is right, and what can come next, is the server's to say.
import { StreamLanguage, HighlightStyle, foldService } from "@codemirror/language";
import { tags as t } from "@lezer/highlight";
<<<<<<< HEAD
import { TOKENS } from "./tokens.js";
=======

// Words that begin a statement, and words inside one.
const OPENERS = (
  "use calendar team person pipeline field stage targets escalation assign rule connector template test " +
  "time open closed short holidays members lead manager name email phone language priorities ticket languages " +
  "start finish next owner alert leave first resolved reopen pause resume after before level repeat stop when then on " +
  "path verify map same server from sign retry subject at expect given clock set agent customer admin send limits allow " +
  "within types quiet digest excuses excused report goal period without about"
).split(" ");
const INNER = (
  "within if is not and or one of any else to using by at every working calendar days day elapsed total all clocks " +
  "reply resolved missed replies card enters leaves created reopened assigned changes message contains age notify tag " +
  "untag move raise lower priority call add note round robin least busy because once silence shadow off matching choice " +
  "text number date default required was zone with secret hmac sha256 in header receives sends connects webhook whatsapp " +
  "reject skip park most times over most stops type channel due running paused met starts continue new cycle counts for " +
  "people customers messages cards alerts notices notice escalations window quiet per last until excuse withdraws last many held " +
  "day days week weeks month months year hour hours minute minutes second seconds monday tuesday wednesday thursday friday " +
  "saturday sunday january february march april may june july august september october november december empty filled has " +
  "moves acknowledges sent refused nothing no only other outside too as needs approval token"
).split(" ");
const words = new Set([...OPENERS, ...INNER]);
>>>>>>> 5da4354 (Tests can expect a template to be held; schedules, limits and the window in simulated time)

export const duly = StreamLanguage.define({
  name: "duly",
  token(stream) {
    if (stream.eatSpace()) return null;
    for (const [colour, pattern] of TOKENS) {
      if (stream.match(pattern)) return colour;
    }
    if (stream.match(/^"[^"]*$/)) return "string"; // not closed yet
    stream.next();
    return "punctuation";
  },
  languageData: { commentTokens: { line: "#" }, closeBrackets: { brackets: ["{", '"', "("] } },
});

export const colours = HighlightStyle.define([
  { tag: t.keyword, class: "tok-keyword" },
  { tag: t.operatorKeyword, class: "tok-word" },
  { tag: t.string, class: "tok-string" },
  { tag: t.number, class: "tok-number" },
  { tag: t.comment, class: "tok-comment" },
  { tag: t.variableName, class: "tok-name" },
  { tag: t.punctuation, class: "tok-punctuation" },
]);

// A block folds from its opening brace to the line of its closing one.
export const folding = foldService.of((state, from, to) => {
  const line = state.doc.lineAt(from);
  if (!/\{\s*(#.*)?$/.test(line.text)) return null;
  let depth = 1;
  for (let n = line.number + 1; n <= state.doc.lines; n++) {
    const next = state.doc.line(n);
    const text = next.text.replace(/"(?:[^"\\]|\\.)*"/g, "").replace(/#.*/, "");
    depth += (text.match(/\{/g) ?? []).length - (text.match(/\}/g) ?? []).length;
    if (depth <= 0) return { from: to, to: next.from - 1 > to ? next.from - 1 : next.to };
  }
  return null;
});
