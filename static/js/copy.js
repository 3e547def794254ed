/* <copy-button for="id">: a button that copies the text of another element. Without scripts there is no button. */
class CopyButton extends HTMLElement {
  connectedCallback() {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button button-small";
    button.textContent = "Copy";
    button.addEventListener("click", () => this.copy(button));
    this.replaceChildren(button);
    this.setAttribute("role", "status");
  }

  async copy(button) {
    const source = document.getElementById(this.getAttribute("for"));
    try {
      await navigator.clipboard.writeText(source.textContent.trim());
      button.textContent = "Copied";
    } catch {
      /* No clipboard outside HTTPS and localhost: select the text, so that the reader's own copy command works. */
      getSelection().selectAllChildren(source);
      button.textContent = "Selected: press Ctrl+C";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2500);
  }
}

customElements.define("copy-button", CopyButton);
