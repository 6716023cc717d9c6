"""Adapters of report-writing models and the engines that run them."""
