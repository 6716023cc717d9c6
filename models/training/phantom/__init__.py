"""Training of small models from scratch on phantoms: the demo's own."""
