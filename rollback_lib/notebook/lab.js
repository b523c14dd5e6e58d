// What the bar and the guide share: the notebook that an element is in, the cell that closes its record, and bringing a person to where cells
// have ended. The application is there only if `rollback open` has started JupyterLab.

const SETTLED = 400; // milliseconds without a running cell after which what was run has ended
const ATTACHED = 3000; // milliseconds in which an element that is rendered comes into the page
const SHOWN = 30000; // milliseconds in which the kernel shows a button after cells have ended
const ERROR = '[data-mime-type$="jupyter.error"], [data-mime-type$="jupyter.stderr"]'; // how JupyterLab marks the error of a cell

/** The notebook that this element is in, and the number of its cell, -1 if it is in none; null if JupyterLab does not show them. */
function place(el) {
  const app = window.jupyterapp;
  const panel = app && [...app.shell.widgets("main")].find((one) => one.content?.widgets && one.node.contains(el));
  if (!panel) return null;
  const notebook = panel.content;
  return { app, panel, notebook, index: notebook.widgets.findIndex((cell) => cell.node.contains(el)) };
}

/** The number of the cell that closes the record; -1 if there is none. */
function closing(notebook) {
  return notebook.widgets.findLastIndex((cell) => cell.model.type === "code" && /\.close\(\)/.test(cell.model.sharedModel.source));
}

/** Run cells from number `begin` on by this command of JupyterLab, and bring into sight where they ended. It waits until the kernel is idle,
 *  which drops what it is sent while it ends a cell that failed. */
function runFrom({ app, panel, notebook }, begin, command) {
  const timer = setInterval(() => {
    if (panel.sessionContext.session?.kernel?.status !== "idle") return;
    clearInterval(timer);
    app.shell.activateById(panel.id);
    notebook.activeCellIndex = begin;
    notebook.deselectAll();
    app.commands.execute(command).then(() => inSight(notebook, begin));
  }, 50);
}

/** Bring into sight where the cells from `begin` on ended: the one that failed, or else the last, which has the verdict. A gate that waits
 *  for the person comes first. After a failure, the button that closes the record has the focus. */
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
    if (failed >= 0) toClosing(notebook.node);
  }, SETTLED);
}

/** Select the bar's button that closes the record as soon as it is there, unless the person does something else first. */
function toClosing(node) {
  const until = Date.now() + SHOWN;
  const away = new AbortController();
  const timer = setInterval(() => {
    const close = node.querySelector(".rollback-bar .close");
    if (close?.offsetParent) close.focus({ preventScroll: true });
    if (close?.offsetParent || Date.now() > until) away.abort();
  }, 100);
  away.signal.addEventListener("abort", () => clearInterval(timer));
  for (const kind of ["keydown", "pointerdown"]) document.addEventListener(kind, () => away.abort(), { signal: away.signal, capture: true });
}

