// What the pages do when there are scripts: cover the answer to a question, and enlarge a picture on a click.

function covered(ask) {
  // The outputs of the cells tagged "answer" after a question, up to the next question or heading, and the first
  // paragraph after them.
  const found = [];
  for (let next = ask.nextElementSibling; next; next = next.nextElementSibling) {
    if (next.matches(".ask, section, h1, h2, h3, h4")) break;
    const output = next.matches(".cell.tag_answer") && next.querySelector(".cell_output");
    if (output) found.push(output);
    else if (found.length && next.matches("p")) return [...found, next];
    else if (found.length && !next.matches(".cell")) break;
  }
  return found;
}

function cover(ask) {
  const answer = covered(ask);
  const list = ask.querySelector("ul");
  if (!answer.length || !list) return;
  const guesses = document.createElement("div");
  guesses.className = "guesses";
  guesses.setAttribute("role", "group");
  guesses.setAttribute("aria-label", "Your guess; it uncovers the answer");
  const buttons = [...list.children].map((item) => {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-pressed", "false");
    button.append(...(item.children.length === 1 && item.firstElementChild.matches("p") ? item.firstElementChild : item).childNodes);
    button.addEventListener("click", () => {
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
      for (const part of answer) part.classList.remove("covered");
    });
    return button;
  });
  guesses.append(...buttons);
  list.replaceWith(guesses);
  for (const part of answer) part.classList.add("covered");
}

document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll(".bd-article .ask").forEach(cover);
  if (window.mediumZoom) window.mediumZoom(".bd-article .cell_output img", { margin: 16, background: "rgba(0, 0, 0, 0.9)" });
});
