// The reader's words, put into the page by the server.
const texts = JSON.parse(document.getElementById("texts").textContent);

export function text(name, values = {}) {
  return texts[name].replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");
}

export function say(message) {
  const place = document.getElementById("said");
  if (!place) return;
  place.textContent = message;
  place.dataset.shown = "";
  clearTimeout(place.timer);
  place.timer = setTimeout(() => delete place.dataset.shown, 6000);
}
