"""The project: connection, identity, permissions, secrets, runtimes."""
