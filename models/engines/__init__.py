"""Engines that decode: a batch of prompts in, texts with token counts and finish reasons out."""
