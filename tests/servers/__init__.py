"""Real servers and stand-ins that the tests talk to."""
