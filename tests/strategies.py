"""Texts to try metrics on: report-like, hostile and odd."""

from __future__ import annotations

from hypothesis import strategies as st

WORDS = [
    "the", "heart", "lungs", "are", "is", "clear", "no", "effusion", "pneumothorax", "left",
    "right", "increased", "unchanged", "new", "worse", "improved", "stable", "opacity", "small",
    "1.5", "cm", "mm.", "Dr.", "isn't", "x-ray", "follow-up", "(new)", "a/p", "50%", "___", ",",
    ".", ";", "normal", "size", "compared", "prior", "œdème", "≥", "“quoted”", "\n", "can't",
]  # fmt: skip

report_like = st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join)
any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
texts = report_like | any_text
pairs = st.lists(st.tuples(texts, texts), min_size=1, max_size=8)
