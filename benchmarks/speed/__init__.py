"""Speed measured against what people run today, in one run; not part of the wheel."""
