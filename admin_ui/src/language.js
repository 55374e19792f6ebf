// Colours and completion of the Duly language. Only colours and names: what is right is the server's to say.
import { StreamLanguage, HighlightStyle, foldService } from "@codemirror/language";
import { tags as t } from "@lezer/highlight";

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
  "people customers messages cards alerts notices notice escalations window quiet per last until excuse withdraws last many " +
  "day days week weeks month months year hour hours minute minutes second seconds monday tuesday wednesday thursday friday " +
  "saturday sunday january february march april may june july august september october november december empty filled has " +
  "moves acknowledges sent refused nothing no only other outside too as needs approval token"
).split(" ");
const words = new Set([...OPENERS, ...INNER]);

export const duly = StreamLanguage.define({
  name: "duly",
  startState: () => ({ first: true }),
  token(stream, state) {
    if (stream.sol()) state.first = true;
    if (stream.eatSpace()) return null;
    const first = state.first;
    state.first = false;
    if (stream.match(/^#.*/)) return "comment";
    if (stream.match(/^"(?:[^"\\]|\\.)*"?/)) return "string";
    if (stream.match(/^\d{4}-\d\d-\d\d/) || stream.match(/^\d{1,2}:\d\d/)) return "number";
    if (stream.match(/^\d+(?:\.\d+)?(?:%|(?:[dhms]\d*)+)?/)) return "number";
    if (stream.match(/^[\p{L}_][\p{L}\p{N}_-]*/u)) {
      const word = stream.current();
      if (first && OPENERS.includes(word)) return "keyword";
      return words.has(word) ? "operatorKeyword" : "variableName";
    }
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

const DEFINES = /^\s*(calendar|team|person|pipeline|field|stage|clock|escalation|rule|connector|template)\s+("(?:[^"\\]|\\.)*"|[\p{L}_][\w-]*)/gmu;

// Names are read from all files as they stand, broken or not, so that completion never falls silent.
function names(sources) {
  const found = new Map();
  for (const source of Object.values(sources)) {
    for (const [, kind, name] of source.matchAll(DEFINES)) found.set(name, kind);
    for (const [, list] of source.matchAll(/^\s*(?:ticket types|priorities)\s+(.*)$/gm)) {
      for (const name of list.split(",")) found.set(name.trim(), "choice");
    }
  }
  return found;
}

export function complete(sources) {
  return (context) => {
    const quoted = context.matchBefore(/"[^"\n]*/);
    const word = quoted ?? context.matchBefore(/[\p{L}_][\p{L}\p{N}_-]*/u);
    if (!word && !context.explicit) return null;
    const from = word ? word.from : context.pos;
    const known = [...names(sources())].map(([label, kind]) => ({ label, detail: kind, type: "variable", boost: 1 }));
    if (quoted) {
      const closed = context.state.sliceDoc(context.pos, context.pos + 1) === '"';
      return {
        from,
        options: known
          .filter(({ label }) => label.startsWith('"'))
          .map((option) => (closed ? { ...option, apply: option.label.slice(0, -1) } : option)),
        validFor: /^"[^"\n]*$/,
      };
    }
    const line = context.state.doc.lineAt(context.pos);
    const opening = /^\s*[\p{L}]*$/u.test(line.text.slice(0, context.pos - line.from));
    const keywords = (opening ? OPENERS : INNER).map((label) => ({ label, type: "keyword" }));
    return { from, options: opening ? keywords : [...known, ...keywords], validFor: /^[\p{L}\p{N}_-]*$/u };
  };
}
