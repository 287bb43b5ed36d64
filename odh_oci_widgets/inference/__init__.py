"""Call a model: completions (OpenAI protocol) and classification (Open Inference Protocol V2)."""
