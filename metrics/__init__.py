"""Metrics of chest X-ray reports, their statistics and protocols."""
