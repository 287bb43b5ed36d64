"""Choose: Hugging Face, the web, a folder; formats and the layout the runtime needs."""
