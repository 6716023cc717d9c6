"""Rules that read change over time, and talk of prior studies, out of reports."""
