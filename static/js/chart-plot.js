// Reads a chart's table beside a cursor: under a mouse, under a finger that taps or drags, and by arrow keys, Home and
// End, aloud. A click, a tap or Enter keeps a bucket open with the links of its row; Escape and a click elsewhere close.
// Of the newest time nothing may be known yet: that has no rows, and reads nothing.
class ChartPlot extends HTMLElement {
  connectedCallback() {
    const table = document.getElementById(this.getAttribute("for"));
    this.rows = [...(table?.tBodies[0]?.rows ?? [])];
    if (!this.rows.length) return;
    this.names = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
    this.buckets = Number(this.getAttribute("buckets"));
    this.area = this.querySelector(".chart-area");
    this.readout = Object.assign(document.createElement("div"), { className: "chart-readout" });
    this.readout.setAttribute("aria-live", "polite");
    this.cursor = document.createElementNS("http://www.w3.org/2000/svg", "line");
    this.cursor.setAttribute("class", "chart-cursor");
    this.append(this.readout);
    this.tabIndex = 0;
    this.setAttribute("role", "group");
    this.setAttribute("aria-label", `${this.area.getAttribute("aria-label")} Arrow keys read single values, Enter offers their links.`);
    this.classList.add("live");
    this.area.addEventListener("pointerdown", (event) => this.press(event));
    this.area.addEventListener("pointermove", (event) => {
      if (event.pointerType === "mouse" ? !this.kept : event.buttons) this.show(this.under(event));
    });
    this.area.addEventListener("pointerup", (event) => this.keep(this.under(event)));
    this.area.addEventListener("pointercancel", () => this.hide());
    this.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && !this.kept && this.hide());
    this.addEventListener("focusout", (event) => {
      if (!this.contains(event.relatedTarget) && !this.pressed) this.hide();
    });
    this.addEventListener("keydown", (event) => this.move(event));
    document.addEventListener("pointerdown", (event) => this.contains(event.target) || this.hide());
  }

  under(event) {
    const box = this.area.getBoundingClientRect();
    const index = Math.floor(((event.clientX - box.left) / box.width) * this.buckets);
    return Math.max(0, Math.min(index, this.buckets - 1));
  }

  press(event) {
    // The focus would come and go under the finger and close what it has just opened.
    this.pressed = true;
    setTimeout(() => { this.pressed = false; });
    this.kept = false;
    this.show(this.under(event));
    if (event.pointerType !== "mouse") this.area.setPointerCapture(event.pointerId);
  }

  move(event) {
    if (event.key === "Escape") {
      if (this.readout.contains(document.activeElement)) this.focus();
      return this.hide();
    }
    if (event.target !== this) return;
    if (event.key === "Enter" && this.index !== undefined) {
      event.preventDefault();
      this.keep(this.index);
      return this.readout.querySelector("a")?.focus();
    }
    const last = this.rows.length - 1;
    const at = this.index ?? last;
    const target = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last }[event.key];
    if (target === undefined) return;
    event.preventDefault();
    this.kept = false;
    this.show(this.index === undefined ? last : Math.max(0, Math.min(target, last)));
  }

  show(index) {
    if (index >= this.rows.length) return this.hide();
    if (index === this.index && !this.kept && !this.readout.querySelector("a")) return;
    this.index = index;
    const share = (index + 0.5) / this.buckets;
    for (const [name, value] of Object.entries({ x1: `${100 * share}%`, x2: `${100 * share}%`, y1: 0, y2: 200 })) {
      this.cursor.setAttribute(name, value);
    }
    this.area.append(this.cursor);
    const cells = [...this.rows[index].cells].filter((cell) => !cell.classList.contains("row-links"));
    this.readout.replaceChildren(...cells.map((cell, column) => {
      const line = document.createElement("div");
      line.textContent = column ? `${this.names[column]}: ${cell.textContent}` : cell.textContent;
      return line;
    }));
    this.readout.classList.remove("kept");
    this.place(share);
  }

  place(share) {
    const room = this.clientWidth - this.readout.offsetWidth;
    const x = this.area.getBoundingClientRect().left - this.getBoundingClientRect().left + share * this.area.clientWidth;
    this.readout.style.insetInlineStart = `${Math.max(0, Math.min(room, share < 0.5 ? x + 12 : x - this.readout.offsetWidth - 12))}px`;
  }

  keep(index) {
    this.show(index);
    if (this.index === undefined) return;
    this.kept = true;
    const links = [...this.rows[this.index].querySelectorAll(".row-links a")].map((link) => link.cloneNode(true));
    if (!links.length) return;
    const line = document.createElement("p");
    line.append(...links);
    this.readout.append(line);
    this.readout.classList.add("kept");
    this.place((this.index + 0.5) / this.buckets);
  }

  hide() {
    this.index = undefined;
    this.kept = false;
    this.cursor.remove();
    this.readout.replaceChildren();
  }
}
customElements.define("chart-plot", ChartPlot);
