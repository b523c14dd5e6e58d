"""An incident with a person at the notebook, who can choose another target. The output for the earlier target is then updated."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from rollback_lib.errors import Refused
from rollback_lib.notebook import display, picker, render
from rollback_lib.notebook.console import NotebookConsole
from rollback_lib.notebook.progress import progress
from rollback_lib.notebook.view import note
from rollback_lib.plan.plan import Plan
from rollback_lib.run.incident import Incident
from rollback_lib.run.stages import Closing

if TYPE_CHECKING:
    from rollback_lib.notebook.bar import Bar

TO_CLOSE = "“Close the record” in the bar above, or run the last cell: it has the verdict, what is left to do, and the report."


class InteractiveIncident(Incident):
    """An incident in JupyterLab. When a person chooses another target, the notebook's variables for target and plan get the new values."""

    console: NotebookConsole
    _bar: "Bar | None" = None
    _picker: picker.Picker | None = None
    _examined: tuple[Any, dict[str, Any], Any] | None = None  # the state, the options, the target
    _planned: tuple[dict[str, Any], Plan] | None = None
    _asked = False  # whether the cell that asks for confirmation has run

    def show_bar(self) -> None:
        """Show above the cells how far this run is, until its record is closed."""
        from rollback_lib.notebook.bar import Bar  # imported here, since only JupyterLab has a place for it

        self._bar = Bar(self._run, self._run.monitor.look_once)
        self._bar.show()

    def document(self, **options: Any) -> Any:
        with self._asking():
            return super().document(**options)

    def examine(self, now: Any, target: str = "", **options: Any) -> Any:
        with self._asking():
            chosen = super().examine(now, target, **options)
        self._examined, self._planned, self._asked = (now, options, chosen), None, False
        if self._picker:
            self._picker.mark(chosen.name)
        return chosen

    def plan(self, now: Any, target: Any, **options: Any) -> Plan:
        plan = super().plan(now, target, **options)
        self._planned, self._asked = (options, plan), False
        return plan

    def confirm(self, plan: Plan, confirm: object = "") -> None:
        self._asked = True
        super().confirm(plan, confirm)

    def close(self) -> Closing:
        if self._bar:
            self._bar.closes()
        return super().close()

    def aftermath(self) -> list[tuple[str, str]]:
        rows = super().aftermath()
        return [*rows, ("to end here", TO_CLOSE)] if self._bar and progress(self._run, {}).over else rows

    def pick(self, found: Any) -> None:
        """Show the candidates, so that a person can pick one."""
        listed, names = render.choices(found)
        self._picker = picker.Picker(listed, names, self._choose)
        self._picker.show(render.view(found))

    def _asking(self) -> AbstractContextManager[None]:
        return display.waiting(note("info", f"Asking {self.stack.host} …"))

    def _choose(self, name: str) -> str:
        """Continue with another target. Returns a sentence that says which. Raises Refused if the run was confirmed already, and what
        `examine` and `plan` raise; nothing changes then."""
        if self.confirmed:
            raise Refused("this incident was confirmed for the target it has; open a new one to choose another")
        if self._examined is None:
            raise Refused("the next cell has not run yet; run it, then choose")
        now, options, old = self._examined
        planned, asked = self._planned, self._asked
        new = super().examine(now, name, **options)
        plan = super().plan(now, new, **planned[0]) if planned else None
        self._examined = now, options, new
        display.rename(old, new)
        if self._picker:
            self._picker.mark(new.name)
        with self.console.following():
            self.console.show(new)
            if planned and plan:
                self._planned = planned[0], plan
                display.rename(planned[1], plan)
                self.console.show(plan)
                if asked:
                    self.confirm(plan)
        return f"Chosen: {new.name}. {'The plan below is for it.' if plan else 'Run the cells below.'}"
