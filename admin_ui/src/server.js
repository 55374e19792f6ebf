// Talking to our own server.
const csrf = document.querySelector("meta[name=csrf-token]")?.content ?? "";

export function post(path, { form, json, signal } = {}) {
  const headers = { "x-csrftoken": csrf, "x-duly-fragment": "1" };
  let body;
  if (json !== undefined) {
    headers["content-type"] = "application/json";
    body = JSON.stringify(json);
  } else {
    body = new URLSearchParams(form);
  }
  return fetch(path, { method: "POST", headers, body, signal });
}
