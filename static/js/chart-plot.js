// Reads a chart's table aloud and beside a cursor: by pointer, by arrow keys, Home and End.
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
    this.setAttribute("aria-label", `${this.area.getAttribute("aria-label")} Arrow keys read single values.`);
    this.area.addEventListener("pointermove", (event) => {
      const box = this.area.getBoundingClientRect();
      this.show(Math.floor(((event.clientX - box.left) / box.width) * this.buckets));
    });
    this.addEventListener("pointerleave", () => this.hide());
    this.addEventListener("blur", () => this.hide());
    this.addEventListener("keydown", (event) => this.move(event));
  }

  move(event) {
    const last = this.rows.length - 1;
    const at = this.index ?? last;
    const target = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last }[event.key];
    if (event.key === "Escape") this.hide();
    if (target === undefined) return;
    event.preventDefault();
    this.show(this.index === undefined ? last : target);
  }

  show(index) {
    index = Math.max(0, Math.min(index, this.rows.length - 1));
    if (index === this.index) return;
    this.index = index;
    const share = (index + 0.5) / this.buckets;
    for (const [name, value] of Object.entries({ x1: `${100 * share}%`, x2: `${100 * share}%`, y1: 0, y2: 200 })) {
      this.cursor.setAttribute(name, value);
    }
    this.area.append(this.cursor);
    const lines = [...this.rows[index].cells].map((cell, column) => {
      const line = document.createElement("div");
      line.textContent = column ? `${this.names[column]}: ${cell.textContent}` : cell.textContent;
      return line;
    });
    this.readout.replaceChildren(...lines);
    const room = this.clientWidth - this.readout.offsetWidth;
    const x = this.area.getBoundingClientRect().left - this.getBoundingClientRect().left + share * this.area.clientWidth;
    this.readout.style.insetInlineStart = `${Math.max(0, Math.min(room, share < 0.5 ? x + 12 : x - this.readout.offsetWidth - 12))}px`;
  }

  hide() {
    this.index = undefined;
    this.cursor.remove();
    this.readout.replaceChildren();
  }
}
customElements.define("chart-plot", ChartPlot);
