"""The ipywidgets: views only."""
