"""Simulations that check what the statistics promise; not part of the installed package."""
