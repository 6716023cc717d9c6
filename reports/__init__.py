"""Leaderboards, the HTML report and exports, made from score tables."""
