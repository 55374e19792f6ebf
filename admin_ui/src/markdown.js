// The little Markdown the server explains words with: fences, **bold**, `code`, paragraphs. Text stays text.
export function shownMarkdown(source) {
  const root = document.createElement("div");
  root.className = "meaning";
  for (const [, fenced, text] of source.matchAll(/```\w*\n([\s\S]*?)\n```|([^\n](?:(?!\n\n|\n```)[\s\S])*)/g)) {
    const block = document.createElement(fenced === undefined ? "p" : "pre");
    if (fenced !== undefined) block.textContent = fenced;
    else {
      for (const [, bold, code, plain] of text.matchAll(/\*\*([^*]+)\*\*|`([^`]+)`|([^*`]+|[*`])/g)) {
        const part = bold !== undefined ? document.createElement("strong") : code !== undefined ? document.createElement("code") : null;
        if (part) part.textContent = bold ?? code;
        block.append(part ?? plain);
      }
    }
    root.append(block);
  }
  return root;
}
