// <api-picker id>: finds while one types, by sending the form as its button "Find" does and taking the lists of the answer.
// Without scripts the button does it, and the page comes back with all that was typed.
class ApiPicker extends HTMLElement {
  connectedCallback() {
    const search = this.querySelector("input[type=search]");
    if (!search) return;
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
  }

  async find() {
    clearTimeout(this.waiting);
    this.asking?.abort();
    this.asking = new AbortController();
    const form = this.closest("form");
    const sent = new URLSearchParams(new FormData(form));
    sent.set("find", "yes");
    const asked = { signal: this.asking.signal };
    const address = new URL(form.action);
    if (form.method === "post") Object.assign(asked, { method: "POST", body: sent });
    else address.search = sent;
    try {
      const response = await fetch(address, asked);
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      const fresh = page.querySelector(`#${this.id} .picker-lists`);
      if (!fresh) return location.reload(); // signed out, perhaps
      this.querySelector(".picker-lists").replaceChildren(...fresh.childNodes);
    } catch (error) {
      if (error.name !== "AbortError" && error.name !== "TypeError") throw error; // overtaken, or no network
    }
  }
}

customElements.define("api-picker", ApiPicker);
