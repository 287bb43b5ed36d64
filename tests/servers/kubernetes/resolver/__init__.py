"""Names of the fake cluster in a Python process."""
