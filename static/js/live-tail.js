// The log, live: every few seconds the rows that came since are put among the others by their time.
// <live-tail url="what came since" most="200"> stands in the region of the table; it waits while nobody looks.
// What is refused once would be refused the next time, too: then it stops, and its paragraph data-stopped says so.
const EVERY = 3000;

class LiveTail extends HTMLElement {
  connectedCallback() {
    this.url = new URL(this.getAttribute("url"), location.href);
    this.timer = setInterval(() => this.ask(), EVERY);
  }

  disconnectedCallback() {
    clearInterval(this.timer);
    this.asking?.abort();
  }

  async ask() {
    if (document.hidden || this.asking || this.parentElement.matches(":hover, :focus-within")) return;
    this.asking = new AbortController();
    try {
      const response = await fetch(this.url, { signal: this.asking.signal });
      if (response.status >= 500) return; // the next time, perhaps
      if (new URL(response.url).pathname !== this.url.pathname) return location.reload(); // signed out
      const came = new DOMParser().parseFromString(await response.text(), "text/html");
      const rows = came.querySelector("tbody[data-after]");
      if (!rows) return this.stop();
      this.take(rows);
      document.getElementById("log-freshness").replaceWith(came.getElementById("log-freshness"));
    } catch (error) {
      // The page is left, or the network is away: what is shown stays.
      if (error.name !== "AbortError" && error.name !== "TypeError") throw error;
    } finally {
      this.asking = undefined;
    }
  }

  stop() {
    clearInterval(this.timer);
    for (const each of this.children) each.hidden = !each.matches("[data-stopped]");
  }

  take(came) {
    const table = this.parentElement.querySelector("tbody");
    if (!table) return came.rows.length ? location.reload() : undefined; // the first one brings the table
    if (came.hasAttribute("data-cut")) table.replaceChildren(); // of more than fit, what was there is too old
    this.url.searchParams.set("after", came.dataset.after);
    const shown = new Set([...table.rows].map((row) => row.dataset.place));
    for (const row of [...came.rows]) {
      if (shown.has(row.dataset.place)) continue;
      const next = [...table.rows].find((other) => Number(other.dataset.place) < Number(row.dataset.place));
      if (next) next.before(row);
      else table.append(row);
    }
    this.trim(table);
  }

  trim(table) {
    const most = Number(this.getAttribute("most"));
    if (table.rows.length <= most) return;
    while (table.rows.length > most) table.lastElementChild.remove();
    const older = this.parentElement.querySelector(".pager a[rel=next]");
    if (!older) return;
    const address = new URL(older.href);
    address.searchParams.set("before", table.lastElementChild.dataset.place);
    older.href = address;
  }
}
customElements.define("live-tail", LiveTail);
