// The server always renders the whole page; this takes elements of it by id and puts them in place.
// <form data-live="id id"> asks again while one types; <div id="id" data-every="2"> asks again every 2 seconds.
let asking;

async function refresh(ids, url) {
  asking?.abort();
  asking = new AbortController();
  try {
    const response = await fetch(url, { signal: asking.signal });
    if (response.status >= 500) return; // the next time, perhaps
    const target = new URL(response.url);
    if (target.pathname !== location.pathname) return location.assign(url); // signed out
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const fresh = ids.split(" ").map((id) => page.getElementById(id));
    if (fresh.includes(null)) return location.assign(url); // the page that explains what is wrong
    for (const element of fresh) document.getElementById(element.id).replaceWith(element);
    history.replaceState(null, "", url);
  } catch (error) {
    // Overtaken by a newer question, or the network is away: what is shown stays.
    if (error.name !== "AbortError" && error.name !== "TypeError") throw error;
  }
}

for (const form of document.querySelectorAll("form[data-live]")) {
  let waiting;
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      if (!form.checkValidity()) return;
      const wanted = [...new FormData(form)].filter(([, value]) => value !== "");
      refresh(form.dataset.live, `${location.pathname}?${new URLSearchParams(wanted)}`);
    }, 200);
  });
}

for (const region of document.querySelectorAll("[data-every]")) {
  const asks = setInterval(() => {
    const now = document.getElementById(region.id);
    if (!now.dataset.every) return clearInterval(asks); // there is nothing more to wait for
    if (!document.hidden && !now.matches(":hover, :focus-within")) refresh(region.id, location.href);
  }, 1000 * region.dataset.every);
}
