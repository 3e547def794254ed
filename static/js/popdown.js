// <details class="popdown">: closed by Esc, which leads back to what opened it, and by a click beside it.
const opened = () => document.querySelectorAll("details.popdown[open]");

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const each of opened()) {
    each.open = false;
    if (each.contains(document.activeElement)) each.querySelector("summary").focus();
  }
});

document.addEventListener("click", (event) => {
  for (const each of opened()) {
    if (!each.contains(event.target)) each.open = false;
  }
});
