// Colours and folding of the Duly language. What is right, and what can come next, is the server's to say.
import { StreamLanguage, HighlightStyle, foldService } from "@codemirror/language";
import { tags as t } from "@lezer/highlight";
import { TOKENS } from "./tokens.js";

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
