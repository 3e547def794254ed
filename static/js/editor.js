// <textarea class="editor">: numbers beside its lines, colours in them, what was refused behind them, and blocks that are
// folded away. The text area stays what is typed in and sent; under it lies a copy of the lines that are in view, so that
// a text of a megabyte costs no more than one of a page. Without scripts it is a plain text area.
const LONGEST = 2000; // characters of a line that is still coloured
// What stands in the text for the lines of a folded block, which are put back before it is sent.
const FOLD = / ⋯\d+ more·(\d+)⋯/g;
const YAML_NAME = /^(\s*(?:- +)*)([^\s#"'{[&*!|>%@`-][^#]*?|-[^\s#][^#]*?|"(?:[^"\\]|\\.)*"|'[^']*')(\s*:)(?=\s|$)/;
const YAML_VALUE = /(^|\s)(#.*$)|("(?:[^"\\]|\\.)*"?|'(?:[^']|'')*'?)|\b(?:true|false|null)\b|-?\b\d[\d.eE+-]*(?![\w.:/-])/g;
const TOKEN = /("(?:[^"\\]|\\.)*"?)(\s*:)?|\b(?:true|false|null)\b|-?\b\d[\d.eE+-]*/g;

class Editor {
  constructor(area) {
    this.area = area;
    this.gutter = this.layer("editor-gutter");
    this.lines = this.layer("editor-lines");
    const box = Object.assign(document.createElement("div"), { className: "editor-box" });
    area.before(box);
    box.append(this.gutter, area, this.lines);
    box.before(this.toolbar());
    this.folds = new Map();
    this.problems = problems(area.id);
    area.addEventListener("input", () => this.read());
    area.addEventListener("scroll", () => this.draw());
    area.addEventListener("keydown", (event) => this.indent(event));
    area.addEventListener("beforeinput", (event) => this.guard(event));
    document.addEventListener("click", (event) => this.lead(event));
    this.gutter.addEventListener("click", (event) => this.foldAt(event));
    area.form?.addEventListener("formdata", (event) => event.formData.has(area.name) && event.formData.set(area.name, this.whole(area.value)));
    window.addEventListener("pagehide", () => this.unfoldAll()); // what a browser keeps of the page it may show again
    new ResizeObserver(() => this.draw()).observe(area);
    this.read();
  }

  layer(className) {
    const made = Object.assign(document.createElement("pre"), { className });
    made.setAttribute("aria-hidden", "true");
    made.append(document.createElement("div"));
    return made;
  }

  /* Buttons, for the numbers beside the lines are no keyboard's. */
  toolbar() {
    const made = Object.assign(document.createElement("div"), { className: "editor-tools", role: "group", ariaLabel: "Blocks of the text" });
    for (const [words, act] of [
      ["Fold here", () => this.toggle(this.caret())],
      ["Fold all", () => this.foldAll()],
      ["Unfold all", () => this.unfoldAll()],
    ]) {
      const button = Object.assign(document.createElement("button"), { type: "button", className: "button button-small button-quiet", textContent: words });
      button.addEventListener("click", () => { act(); this.area.focus(); });
      made.append(button);
    }
    return made;
  }

  /* The text with what is folded in its place, however deep. */
  whole(text) {
    return text.replace(FOLD, (token, id) => (this.folds.has(id) ? `\n${this.whole(this.folds.get(id))}` : token));
  }

  /* How many lines a text hides. */
  hidden(text) {
    return this.folds.size && text.includes("⋯") ? this.whole(text).split("\n").length - text.split("\n").length : 0;
  }

  caret() {
    return this.area.value.slice(0, this.area.selectionStart).split("\n").length - 1;
  }

  /* The last line of the block that a line begins: of those below it that are further in. shallow: of its first line. */
  end(index, shallow) {
    const from = this.text[index].search(/\S/);
    let last = index;
    for (let at = index + 1; from >= 0 && at < this.text.length; at++) {
      const here = this.text[at].search(/\S/);
      if (here >= 0 && here <= from) break;
      if (here >= 0) last = at;
      if (here >= 0 && shallow) break;
    }
    return last;
  }

  toggle(index) {
    const start = this.text.slice(0, index).reduce((sum, line) => sum + line.length + 1, 0);
    const line = this.text[index];
    const open = line.replace(FOLD, (token, id) => (this.folds.has(id) ? `\n${this.folds.get(id)}` : token));
    const last = this.end(index);
    if (open !== line) {
      this.put(start, start + line.length, open, start);
    } else if (last > index) {
      const below = this.text.slice(index + 1, last + 1).join("\n");
      this.put(start + line.length, start + line.length + 1 + below.length, this.folded(below), start);
    }
  }

  folded(text) {
    const id = String(this.folds.size + 1);
    this.folds.set(id, text);
    return ` ⋯${this.whole(text).split("\n").length} more·${id}⋯`;
  }

  /* Every block but the one that is all of the text. */
  foldAll() {
    this.unfoldAll();
    const first = this.text.findIndex((line) => line.trim());
    const made = [];
    for (let index = 0; index < this.text.length; index++) {
      const isWhole = index === first && /^[{[]$/.test(this.text[index].trim());
      const last = isWhole ? index : this.end(index);
      made.push(this.text[index] + (last > index ? this.folded(this.text.slice(index + 1, last + 1).join("\n")) : ""));
      index = last;
    }
    this.put(0, this.area.value.length, made.join("\n"), 0);
  }

  unfoldAll() {
    const text = this.whole(this.area.value);
    const caret = this.whole(this.area.value.slice(0, this.area.selectionStart)).length;
    if (text !== this.area.value) this.put(0, this.area.value.length, text, caret);
  }

  /* Put a text in the place of another. */
  put(start, end, text, caret) {
    const top = this.area.scrollTop;
    this.area.setRangeText(text, start, end);
    this.area.setSelectionRange(caret, caret);
    this.area.scrollTop = top;
    this.read();
  }

  /* What stands for folded lines is not edited: they are shown instead. */
  guard(event) {
    if (event.inputType.startsWith("history")) return;
    const edges = [this.area.selectionStart, this.area.selectionEnd];
    for (const match of this.folds.size ? this.area.value.matchAll(FOLD) : []) {
      const [start, end] = [match.index, match.index + match[0].length];
      if (this.folds.has(match[1]) && edges.some((edge) => start <= edge && edge <= end)) {
        event.preventDefault();
        this.unfoldAll();
        return;
      }
    }
  }

  foldAt(event) {
    const index = Number(event.target.closest?.("[data-index]")?.dataset.index);
    if (Number.isInteger(index)) this.toggle(index);
  }

  read() {
    this.text = this.area.value.split("\n");
    this.isYaml = !/^\s*[{[]/.test(this.area.value);
    this.numbers = [];
    let number = 1;
    for (const line of this.text) {
      this.numbers.push(number);
      number += 1 + this.hidden(line);
    }
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
      this.fill(this.gutter, first, last, y, 0, (line, index) => this.number(line, index));
      this.fill(this.lines, first, isPlain ? first : last, y, -this.area.scrollLeft, (line, index) => this.line(line, index));
    });
  }

  fill(layer, first, last, y, x, made) {
    layer.style.blockSize = `${this.area.offsetHeight}px`;
    layer.firstChild.style.translate = `${x}px ${y}px`;
    layer.firstChild.replaceChildren(...this.text.slice(first, last).map((line, index) => made(line, first + index)));
  }

  number(line, index) {
    const [number, next] = [this.numbers[index], this.numbers[index + 1] ?? Infinity];
    const bad = [...this.problems.keys()].some((each) => each >= number && each < next);
    const made = Object.assign(document.createElement("div"), { textContent: number, className: bad ? "editor-bad" : "" });
    if (line.search(FOLD) >= 0 || this.end(index, true) > index) {
      made.dataset.index = index;
      made.classList.add(line.search(FOLD) >= 0 ? "editor-folded" : "editor-block");
    }
    return made;
  }

  line(line, index) {
    const made = document.createElement("div");
    const number = this.numbers[index];
    made.append(...coloured(line, this.isYaml), "\u200b");
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
    this.unfoldAll();
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

function span(kind, text) {
  return Object.assign(document.createElement("span"), { className: kind, textContent: text });
}

function coloured(line, isYaml) {
  const made = [];
  let end = 0;
  for (const match of line.matchAll(FOLD)) {
    made.push(...plain(line.slice(end, match.index), isYaml), span("editor-token", match[0]));
    end = match.index + match[0].length;
  }
  return [...made, ...plain(line.slice(end), isYaml)];
}

function plain(line, isYaml) {
  const name = isYaml && line.match(YAML_NAME);
  if (name) return [name[1], span("json-name", name[2]), name[3], ...marked(line.slice(name[0].length), YAML_VALUE, ofYaml)];
  return marked(line, isYaml ? YAML_VALUE : TOKEN, isYaml ? ofYaml : ofJson);
}

function marked(text, pattern, kinds) {
  const made = [];
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    made.push(text.slice(end, match.index), ...kinds(match));
    end = match.index + match[0].length;
  }
  return [...made, text.slice(end)];
}

function ofJson([whole, text, colon]) {
  if (text) return [span(colon ? "json-name" : "json-text", text), colon ?? ""];
  return [span(/[tfn]/.test(whole[0]) ? "json-word" : "json-number", whole)];
}

function ofYaml([whole, blank, comment, text]) {
  if (comment) return [blank, span("json-comment", comment)];
  if (text) return [span("json-text", text)];
  return [span(/[tfn]/.test(whole[0]) ? "json-word" : "json-number", whole)];
}

for (const area of document.querySelectorAll("textarea.editor")) new Editor(area);
