"""The engine between servers and lines that fail: every build ends in the right image or in one clear error."""
