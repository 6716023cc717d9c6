"""Training of models: targets, losses, recipes."""
