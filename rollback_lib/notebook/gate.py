"""The gate of an interactive run: the host's name typed into a box. Never blocks the kernel."""

from collections.abc import Callable


def ask(host: str, on_confirmed: Callable[[], None]) -> None:
    """Show the box; the button stays off until its text is `host`, and calls `on_confirmed` when it is pressed."""
    import ipywidgets
    from IPython.display import display

    box = ipywidgets.Text(placeholder=host, description="Host:", continuous_update=True)
    button = ipywidgets.Button(description="Confirm", disabled=True, button_style="danger", icon="check")
    label = ipywidgets.Label(f"Type the host's name, {host}, to let the cells below change it. Until then they refuse.")

    def typed(_: object) -> None:
        button.disabled = box.value.strip() != host

    def pressed(_: object) -> None:
        on_confirmed()
        button.disabled = box.disabled = True
        label.value = "Confirmed. Go on with the cells below, one after the other."

    box.observe(typed, names="value")
    button.on_click(pressed)
    display(ipywidgets.VBox([label, ipywidgets.HBox([box, button])]))
