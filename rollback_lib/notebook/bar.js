// A bar that stays above the cells of the notebook: how the routes are, how far the run is, and what a person can do about it.
//
// It is put into the notebook's own scroller, where `position: sticky` keeps it in sight. Where a page has none, nothing is shown: what the
// bar says is also in the outputs of the cells.

const COLOURS = { good: "#1a7f37", warn: "#9a6700", bad: "#cf222e", info: "#767676" };

const STYLE = `
.rollback-bar { position: sticky; top: 0; z-index: 5; display: flex; flex-wrap: wrap; align-items: center; gap: 4px 14px;
  padding: 5px 12px; font-size: 13px; background: var(--jp-layout-color1, #fff); color: var(--jp-ui-font-color1, #000);
  border-bottom: 1px solid var(--jp-border-color1, #bbb); border-left: 4px solid var(--rollback-colour); }
.rollback-bar .said { flex: 1 1 20em; overflow-wrap: anywhere; }
.rollback-bar .routes { display: flex; flex-wrap: wrap; gap: 4px 10px; }
.rollback-bar .route { border-bottom: 2px solid; }
.rollback-bar button { font: inherit; padding: 2px 10px; cursor: pointer; color: inherit; background: var(--jp-layout-color2, #eee);
  border: 1px solid var(--jp-border-color1, #bbb); border-radius: 3px; }
.rollback-bar button:focus-visible { outline: 2px solid currentColor; }`;

function element(kind, name, text = "") {
  const made = document.createElement(kind);
  made.className = name;
  made.textContent = text;
  return made;
}

function button(text, pressed) {
  const made = element("button", "", text);
  made.type = "button";
  made.onclick = pressed;
  return made;
}

/** A text as elements: what is between backticks is code. */
function sentence(text) {
  return text.split("`").map((part, number) => element(number % 2 ? "code" : "span", "", part));
}

/** A route, with whether it passes. */
function route([name, ok]) {
  const made = element("span", "route", `${name} ${ok ? "✔ passes" : "✘ fails"}`);
  made.style.borderColor = COLOURS[ok ? "good" : "bad"];
  return made;
}

/** Bring a person to the box of the gate that waits. */
function toTheGate(scroller) {
  const box = [...scroller.querySelectorAll(".rollback-gate input[type=text]")].reverse().find((one) => one.offsetParent);
  if (!box) return;
  box.scrollIntoView({ block: "center" });
  box.focus({ preventScroll: true });
}

/** The bar, and a function that fills it. */
function made(model, scroller) {
  const bar = element("div", "rollback-bar");
  bar.setAttribute("role", "region");
  bar.setAttribute("aria-label", "The incident");
  bar.dataset.lmSuppressShortcuts = "true"; // Enter is for its buttons, not for the cell
  // At either, JupyterLab would give the focus to the cell.
  for (const kind of ["focusin", "keydown"]) bar.addEventListener(kind, (event) => event.stopPropagation());
  const said = element("span", "said");
  said.setAttribute("role", "status");
  const routes = element("span", "routes");
  const gate = button("Go to the gate", () => toTheGate(scroller));
  const stop = button("Stop after this step", () => {
    stop.disabled = true;
    model.send({});
  });
  const close = button("Close the record", () => {
    const found = place(scroller);
    runFrom(found, closing(found.notebook), "notebook:run-cell");
  });
  close.className = "close";
  bar.append(element("style", "", STYLE), said, routes, gate, stop, close);
  const fill = () => {
    bar.style.setProperty("--rollback-colour", COLOURS[model.get("level")]);
    const words = `${model.get("sign")} ${model.get("host")}: ${model.get("words")}`;
    if (said.dataset.words !== words) said.replaceChildren(...sentence(words)); // a screen reader reads it whenever it is set
    said.dataset.words = words;
    routes.replaceChildren(...model.get("routes").map(route));
    gate.hidden = !model.get("gate");
    if (stop.hidden) stop.disabled = false;
    stop.hidden = !model.get("stop");
    const found = model.get("ended") && place(scroller);
    close.hidden = !found || closing(found.notebook) < 0;
  };
  return { bar, fill };
}

function render({ model, el }) {
  const until = Date.now() + ATTACHED;
  let bar = null;
  let fill = () => {};
  const timer = setInterval(() => {
    const scroller = el.closest(".jp-WindowedPanel-outer");
    if (!scroller && Date.now() < until) return;
    clearInterval(timer);
    if (!scroller) return;
    scroller.querySelectorAll(":scope > .rollback-bar").forEach((other) => other.remove()); // of a run before
    ({ bar, fill } = made(model, scroller));
    scroller.prepend(bar);
    fill();
  }, 50);
  const changed = () => fill();
  model.on("change", changed);
  return () => {
    clearInterval(timer);
    model.off("change", changed);
    bar?.remove();
  };
}

export default { render };
