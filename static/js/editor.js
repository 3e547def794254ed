// <textarea class="editor">: numbers beside its lines, colours in them, and what was refused behind them. The text area
// stays what is typed in and sent; under it lies a copy of the lines that are in view, so that a text of a megabyte
// costs no more than one of a page. Without scripts it is a plain text area.
const LONGEST = 2000; // characters of a line that is still coloured
const TOKEN = /("(?:[^"\\]|\\.)*"?)(\s*:)?|\b(?:true|false|null)\b|-?\b\d[\d.eE+-]*/g;

class Editor {
  constructor(area) {
    this.area = area;
    this.gutter = this.layer("editor-gutter");
    this.lines = this.layer("editor-lines");
    const box = Object.assign(document.createElement("div"), { className: "editor-box" });
    area.before(box);
    box.append(this.gutter, area, this.lines);
    this.problems = problems(area.id);
    area.addEventListener("input", () => this.read());
    area.addEventListener("scroll", () => this.draw());
    area.addEventListener("keydown", (event) => this.indent(event));
    document.addEventListener("click", (event) => this.lead(event));
    new ResizeObserver(() => this.draw()).observe(area);
    this.read();
  }

  layer(className) {
    const made = Object.assign(document.createElement("pre"), { className });
    made.setAttribute("aria-hidden", "true");
    made.append(document.createElement("div"));
    return made;
  }

  read() {
    this.text = this.area.value.split("\n");
    const isPlain = this.text.some((line) => line.length > LONGEST);
    this.area.parentElement.classList.toggle("editor-plain", isPlain);
    this.draw();
  }

  draw() {
    if (this.asked) return;
    this.asked = requestAnimationFrame(() => {
      this.asked = undefined;
      const style = getComputedStyle(this.area);
      const height = parseFloat(style.lineHeight);
      const above = parseFloat(style.paddingTop);
      const first = Math.max(0, Math.floor((this.area.scrollTop - above) / height));
      const last = Math.min(this.text.length, first + Math.ceil(this.area.clientHeight / height) + 1);
      const y = above + first * height - this.area.scrollTop;
      const isPlain = this.area.parentElement.classList.contains("editor-plain");
      this.fill(this.gutter, first, last, y, 0, (line, number) => this.number(number));
      this.fill(this.lines, first, isPlain ? first : last, y, -this.area.scrollLeft, (line, number) => this.line(line, number));
    });
  }

  fill(layer, first, last, y, x, made) {
    layer.style.blockSize = `${this.area.offsetHeight}px`;
    layer.firstChild.style.translate = `${x}px ${y}px`;
    layer.firstChild.replaceChildren(...this.text.slice(first, last).map((line, index) => made(line, first + index + 1)));
  }

  number(number) {
    return Object.assign(document.createElement("div"), {
      textContent: number,
      className: this.problems.has(number) ? "editor-bad" : "",
    });
  }

  line(line, number) {
    const made = document.createElement("div");
    made.append(...coloured(line), "\u200b");
    if (this.problems.has(number)) {
      made.append(Object.assign(document.createElement("span"), { className: "editor-problem", textContent: this.problems.get(number) }));
    }
    return made;
  }

  /* A new line begins where the one before it does. */
  indent(event) {
    if (event.key !== "Enter" || event.ctrlKey || event.metaKey || event.isComposing) return;
    const before = this.area.value.slice(0, this.area.selectionStart);
    const line = before.slice(before.lastIndexOf("\n") + 1);
    const blanks = line.match(/^[ \t]*/)[0] + (/[{[]\s*$/.test(line) ? "  " : "");
    if (!blanks || !document.execCommand) return;
    event.preventDefault();
    document.execCommand("insertText", false, `\n${blanks}`); // unlike setRangeText it can be undone
  }

  lead(event) {
    const link = event.target.closest?.("a[data-line]");
    if (link?.hash !== `#${this.area.id}`) return;
    event.preventDefault();
    const before = this.text.slice(0, link.dataset.line - 1);
    const start = before.reduce((sum, line) => sum + line.length + 1, 0);
    this.area.focus();
    this.area.setSelectionRange(start, start + (this.text[link.dataset.line - 1]?.length ?? 0));
    const height = parseFloat(getComputedStyle(this.area).lineHeight);
    this.area.scrollTop = Math.max(0, before.length * height - this.area.clientHeight / 2);
    this.area.scrollLeft = 0;
  }
}

/* {line: what is said of it}, from the links to lines of the area which the page shows. */
function problems(id) {
  const found = new Map();
  for (const link of document.querySelectorAll(`a[data-line][href="#${id}"]`)) {
    const line = Number(link.dataset.line);
    const said = link.parentElement.querySelector(".finding-message").textContent;
    found.set(line, found.has(line) ? `${found.get(line)} ${said}` : said);
  }
  return found;
}

function coloured(line) {
  const made = [];
  let end = 0;
  for (const match of line.matchAll(TOKEN)) {
    const [whole, text, colon] = match;
    made.push(line.slice(end, match.index));
    const kind = text ? (colon ? "name" : "text") : /[tfn]/.test(whole[0]) ? "word" : "number";
    made.push(Object.assign(document.createElement("span"), { className: `json-${kind}`, textContent: text ?? whole }), colon ?? "");
    end = match.index + whole.length;
  }
  return [...made, line.slice(end)];
}

for (const area of document.querySelectorAll("textarea.editor")) new Editor(area);
