"""The command line, benchmark specifications, data sets and the runner of cxr-harness."""

__version__ = "0.1.0"
