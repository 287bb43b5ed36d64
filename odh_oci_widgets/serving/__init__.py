"""From an image to a service that answers: manifests, apply, watch, delete; the sandbox."""
