// <api-picker id>: finds while one types, by sending the form as its button "Find" does and taking the lists of the answer.
// Whatever is answered, the form stays with all that was typed in it, and what to do is said where the lists are.
// Without scripts the button does it, and the page comes back with all that was typed.
const MOMENT = 1000; // milliseconds

class ApiPicker extends HTMLElement {
  connectedCallback() {
    const search = this.querySelector("input[type=search]");
    if (!search) return;
    this.lists = this.querySelector(".picker-lists");
    const button = this.querySelector("button[name=find]");
    button.type = "button"; // or Enter in any field of the form would press it
    button.addEventListener("click", () => this.find());
    search.addEventListener("input", () => {
      clearTimeout(this.waiting);
      this.waiting = setTimeout(() => this.find(), 250);
    });
    search.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      this.find();
    });
    // What is chosen while the answer is on its way is not in it.
    this.lists.addEventListener("change", () => this.asking && this.find());
  }

  async find() {
    clearTimeout(this.waiting);
    this.asking?.abort();
    const asking = (this.asking = new AbortController());
    this.say("");
    let answer = await this.answer(asking.signal);
    if (answer === "again") {
      await new Promise((resolve) => setTimeout(resolve, MOMENT));
      if (!asking.signal.aborted) answer = await this.answer(asking.signal);
    }
    if (asking.signal.aborted) return; // overtaken
    this.asking = undefined;
    if (typeof answer === "string") this.say(answer === "signed-out" ? answer : "failed");
    else this.take(answer);
  }

  /* The lists of an answer, or "signed-out", "again" if it may be another the next time, "failed". */
  async answer(signal) {
    const form = this.closest("form");
    const sent = new URLSearchParams(new FormData(form));
    sent.set("find", "yes");
    const asked = { signal };
    const address = new URL(form.action);
    if (form.method === "post") Object.assign(asked, { method: "POST", body: sent });
    else address.search = sent;
    try {
      const [response, page] = await this.fetched(address, asked);
      const lists = page.querySelector(`#${this.id} .picker-lists`);
      if (lists) return lists;
      if (this.isSignIn(response)) return "signed-out";
      if (response.status === 403) return await this.renewed(signal);
      return response.status >= 500 ? "again" : "failed";
    } catch (error) {
      if (error.name === "AbortError" || error.name === "TypeError") return "again"; // overtaken, or no network
      throw error;
    }
  }

  /* The token of a form ends with the session that it was drawn in: after signing in again it has the new one's. */
  async renewed(signal) {
    const [response, page] = await this.fetched(location.href, { signal });
    if (this.isSignIn(response)) return "signed-out";
    const token = page.querySelector("input[name=csrfmiddlewaretoken]");
    if (!token) return "failed";
    for (const old of document.getElementsByName("csrfmiddlewaretoken")) old.value = token.value;
    return "again";
  }

  async fetched(address, asked) {
    const response = await fetch(address, asked);
    return [response, new DOMParser().parseFromString(await response.text(), "text/html")];
  }

  isSignIn(response) {
    return new URL(response.url).pathname === this.lists.querySelector("[data-say=signed-out] a").pathname;
  }

  take(fresh) {
    const focused = this.lists.contains(document.activeElement) ? document.activeElement.value : undefined;
    this.lists.replaceChildren(...fresh.childNodes);
    [...this.lists.querySelectorAll("input")].find((each) => each.value === focused)?.focus();
  }

  say(what) {
    for (const each of this.lists.querySelectorAll("[data-say]")) each.hidden = each.dataset.say !== what;
  }
}

customElements.define("api-picker", ApiPicker);
