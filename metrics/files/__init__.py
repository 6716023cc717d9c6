"""Strict reading of the text files that reports come in."""
