"""Training of models in the layouts that Libra and LLaVA-Med publish, by a recipe's stages."""
