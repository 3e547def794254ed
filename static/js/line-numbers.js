// Numbers beside the lines of a <textarea class="editor">: errors name lines. Without scripts it is a plain text area.
for (const area of document.querySelectorAll("textarea.editor")) {
  const box = Object.assign(document.createElement("div"), { className: "editor-box" });
  const gutter = Object.assign(document.createElement("pre"), { className: "editor-gutter" });
  gutter.setAttribute("aria-hidden", "true");
  area.before(box);
  box.append(gutter, area);
  let shown = 0;
  const follow = () => { gutter.scrollTop = area.scrollTop; };
  const number = () => {
    const lines = area.value.split("\n").length;
    if (lines !== shown) gutter.textContent = Array.from({ length: lines }, (_, index) => index + 1).join("\n");
    shown = lines;
    follow();
  };
  area.addEventListener("input", number);
  area.addEventListener("scroll", follow);
  new ResizeObserver(() => { gutter.style.blockSize = `${area.offsetHeight}px`; }).observe(area);
  number();
}
