/* A double click sends a form once: the answer to the second sending would replace the first, which may show what is
   shown only once. What may be answered with a file, after which the page stands as it was, is marked: it goes again. */
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || event.defaultPrevented) return;
  if ((event.submitter ?? form).closest("[data-downloads]")) return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
});

/* Back to a page that was kept as it stood. */
addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});
