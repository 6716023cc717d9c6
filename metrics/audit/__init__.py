"""Edits that a good metric must feel, and edits that it must not."""
