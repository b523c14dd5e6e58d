// Brings a person to the gate when Run All has passed it, lets Enter confirm, and lets the cells below run by one button.
//
// For the first and the last it needs the application (lab.js).

const ENABLED = 2000; // milliseconds in which the kernel enables the button, once the word is typed

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

/** The button that runs the cells below, selected for the keyboard. */
function button(el, model) {
  const run = document.createElement("button");
  run.className = "lm-Widget jupyter-widgets jupyter-button widget-button mod-success";
  run.style.width = "auto";
  run.textContent = "▶ Run the cells below";
  run.onclick = () => {
    const found = place(el);
    done(model);
    runFrom(found, found.index + 1, "notebook:run-all-below");
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
