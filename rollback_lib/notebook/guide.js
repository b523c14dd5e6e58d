// Brings a person to the gate when Run All has passed it, lets Enter confirm, and lets the cells below run by one button.
//
// For the first and the last it needs the application, which JupyterLab shows to the page when `rollback open` has started it.

const SETTLED = 400; // milliseconds without a running cell after which Run All has ended
const ATTACHED = 3000; // milliseconds in which an element that is rendered comes into the page
const ERROR = '[data-mime-type$="jupyter.error"], [data-mime-type$="jupyter.stderr"]'; // how JupyterLab marks the error of a cell
const ENABLED = 2000; // milliseconds in which the kernel enables the button, once the word is typed

/** The notebook that this element is in, and the number of its cell; null if JupyterLab does not show them. */
function place(el) {
  const app = window.jupyterapp;
  const panel = app && [...app.shell.widgets("main")].find((one) => one.content?.widgets && one.node.contains(el));
  if (!panel) return null;
  const notebook = panel.content;
  return { app, panel, notebook, index: notebook.widgets.findIndex((cell) => cell.node.contains(el)) };
}

/** The elements of the gate. */
function gate(el) {
  const around = el.closest(".widget-vbox");
  return { box: around?.querySelector("input[type=text]"), confirm: around?.querySelector("button") };
}

/** Let Enter in the box press the button, as soon as the kernel has enabled it. Returns a function that ends this. */
function enter(el) {
  const pressed = (event) => {
    const { box, confirm } = gate(el); // only later than `render` are they all in the page
    if (event.key !== "Enter" || event.target !== box) return;
    const until = Date.now() + ENABLED;
    const timer = setInterval(() => {
      if (confirm.disabled && Date.now() < until) return;
      clearInterval(timer);
      if (!confirm.disabled) confirm.click();
    }, 50);
  };
  document.addEventListener("keydown", pressed, true);
  return () => document.removeEventListener("keydown", pressed, true);
}

/** Once no cell runs any more, go to the gate if Run All has passed it. Returns a function that gives this up. */
function bring(el) {
  let idle = null;
  const timer = setInterval(() => {
    const found = place(el);
    if (!found) return;
    if (found.panel.sessionContext.session?.kernel?.status !== "idle") {
      idle = null;
      return;
    }
    idle ??= Date.now();
    if (Date.now() - idle < SETTLED) return;
    clearInterval(timer);
    if (found.notebook.activeCellIndex <= found.index) return;
    found.notebook.activeCellIndex = found.index;
    found.notebook.deselectAll();
    const { box } = gate(el);
    box?.scrollIntoView({ block: "center" });
    box?.focus({ preventScroll: true });
  }, 100);
  return () => clearInterval(timer);
}

function done(model) {
  model.set("stage", "done");
  model.save_changes();
}

/** Show the button once this element is in a notebook of JupyterLab; elsewhere there is nothing to wait for. */
function offer(el, model) {
  const until = Date.now() + ATTACHED;
  const timer = setInterval(() => {
    const found = place(el);
    if (!found && Date.now() < until) return;
    clearInterval(timer);
    if (!found) return done(model);
    const run = button(el, model);
    el.append(run);
    run.focus({ preventScroll: true });
  }, 50);
  return () => clearInterval(timer);
}

/** Bring into sight where the cells from `begin` on ended: the one that failed, or else the last, which has the verdict. A gate that waits
 *  for the person comes first. */
function inSight(notebook, begin) {
  setTimeout(() => {
    if (document.activeElement?.closest(".rollback-gate")) return;
    const failed = notebook.widgets.findIndex(
      (cell, index) => index >= begin && cell.model.sharedModel.outputs?.some((one) => one.output_type === "error"),
    );
    if (failed >= 0) notebook.activeCellIndex = failed;
    const node = notebook.activeCell?.node;
    const error = failed >= 0 && node?.querySelector(ERROR);
    if (error) error.scrollIntoView({ block: "center" });
    else node?.scrollIntoView({ block: "end" });
  }, SETTLED);
}

/** The button that runs the cells below, selected for the keyboard. */
function button(el, model) {
  const run = document.createElement("button");
  run.className = "lm-Widget jupyter-widgets jupyter-button widget-button mod-success";
  run.style.width = "auto";
  run.textContent = "▶ Run the cells below";
  run.onclick = () => {
    const { app, panel, notebook, index } = place(el);
    done(model);
    app.shell.activateById(panel.id);
    notebook.activeCellIndex = index + 1;
    notebook.deselectAll();
    app.commands.execute("notebook:run-all-below").then(() => inSight(notebook, index + 1));
  };
  return run;
}

function render({ model, el }) {
  let stop = () => {};
  const draw = () => {
    stop();
    stop = () => {};
    el.replaceChildren();
    const stage = model.get("stage");
    if (stage === "ask") {
      const ends = [bring(el), enter(el)];
      stop = () => ends.forEach((end) => end());
    }
    if (stage === "run") stop = offer(el, model);
  };
  model.on("change:stage", draw);
  draw();
  return () => {
    stop();
    model.off("change:stage", draw);
  };
}

export default { render };
