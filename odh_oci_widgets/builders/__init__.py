"""Run a plan somewhere."""
