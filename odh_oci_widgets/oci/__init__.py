"""The image engine: plan, layers, image, registry, layout, credentials."""
