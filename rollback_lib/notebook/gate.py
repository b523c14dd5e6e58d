"""The gate of an interactive run: a name typed into a box. Never blocks the kernel."""

from collections.abc import Callable


def ask(word: str, said: str, on_confirmed: Callable[[], None]) -> None:
    """Show the box under what is `said`; the button stays off until its text is `word`, and calls `on_confirmed` when it is
    pressed."""
    import ipywidgets
    from IPython.display import display

    box = ipywidgets.Text(placeholder=word, continuous_update=True)
    button = ipywidgets.Button(description="Confirm", disabled=True, button_style="danger", icon="check")
    label = ipywidgets.Label(said)

    def typed(_: object) -> None:
        button.disabled = box.value.strip() != word

    def pressed(_: object) -> None:
        on_confirmed()
        button.disabled = box.disabled = True
        label.value = "Confirmed. Go on with the cells below, one after the other."

    box.observe(typed, names="value")
    button.on_click(pressed)
    display(ipywidgets.VBox([label, ipywidgets.HBox([box, button])]))
