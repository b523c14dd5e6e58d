"""The JupyterLab server of `rollback open`."""
