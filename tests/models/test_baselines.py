import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.adapter import FALLBACK, BankReport, Generation, Request
from models.constant import NORMAL_REPORT, Constant
from models.context_index import ContextIndex
from models.errors import InputError
from models.prior_report import PriorReport
from models.retrieval import Retrieval


def _bank(*rows: tuple[str, str]) -> list[BankReport]:
    return [
        BankReport(f"b{i}", {"indication": context}, report)
        for i, (context, report) in enumerate(rows)
    ]


def _ask(indication: str) -> Request:
    return Request("s1", context={"indication": indication})


def _retrieval(bank: list[BankReport], **options: object) -> Retrieval:
    adapter = Retrieval.from_settings(options)
    adapter.prepare(bank)
    return adapter


def test_the_constant_baseline_says_the_same_to_everyone() -> None:
    answers = Constant.from_settings({}).generate([_ask("cough"), _ask("fall")])
    assert [Generation(NORMAL_REPORT)] * 2 == answers


def test_the_prior_report_is_copied_and_the_finish_reason_tells_a_fallback() -> None:
    adapter = PriorReport.from_settings({"fallback": "Nothing known."})
    answers = adapter.generate(
        [Request("a", prior_report="Old report."), Request("b"), Request("c", prior_report=" ")]
    )
    nothing = Generation("Nothing known.", FALLBACK)
    assert [Generation("Old report.", "stop"), nothing, nothing] == answers


def test_retrieval_takes_the_report_with_the_most_similar_context() -> None:
    adapter = _retrieval(_bank(("chest pain", "one"), ("cough and fever", "two")))
    assert [Generation("two"), Generation("one")] == adapter.generate(
        [_ask("fever, productive cough"), _ask("Pain in the chest")]
    )


def test_the_first_of_the_bank_wins_a_tie() -> None:
    adapter = _retrieval(_bank(("fall", "zero"), ("cough", "one"), ("cough", "two")))
    assert [Generation("one")] == adapter.generate([_ask("cough")])


@pytest.mark.parametrize("indication", ["", "  ", "!?", "neverseen"])
def test_without_a_known_word_the_most_frequent_report_is_given(indication: str) -> None:
    adapter = _retrieval(_bank(("a b", "rare"), ("c", "common"), ("d", "common")))
    assert [Generation("common", FALLBACK)] == adapter.generate([_ask(indication)])


def test_a_bank_without_any_context_still_answers() -> None:
    adapter = _retrieval(_bank(("", "first"), ("", "second")))
    assert [Generation("first", FALLBACK)] == adapter.generate([_ask("cough")])


def test_bank_studies_without_a_report_are_left_out() -> None:
    adapter = _retrieval(_bank(("cough", " "), ("cough and fever", "told")))
    assert [Generation("told")] == adapter.generate([_ask("cough")])
    with pytest.raises(InputError, match="no study with a report"):
        _retrieval(_bank(("cough", "")))


def test_the_sections_option_chooses_what_is_compared() -> None:
    bank = [
        BankReport("a", {"indication": "cough", "comparison": "none"}, "by indication"),
        BankReport("b", {"indication": "fall", "comparison": "yesterday"}, "by comparison"),
    ]
    request = Request("s", context={"indication": "cough", "comparison": "yesterday yesterday"})
    assert _retrieval(bank).generate([request])[0].text == "by comparison"
    only = _retrieval(bank, sections=["indication"])
    assert only.generate([request])[0].text == "by indication"


def test_the_fingerprint_moves_with_every_word_of_the_bank_and_its_order() -> None:
    rows = [("cough", "one"), ("fall", "two")]
    changed = [rows[::-1], [("cough", "one"), ("fall", "two.")], [("coughs", "one"), rows[1]]]
    prints = [_retrieval(_bank(*bank)).fingerprint()["bank"] for bank in [rows, *changed]]
    assert len(set(prints)) == 4
    assert prints[0] == _retrieval(_bank(*rows)).fingerprint()["bank"]


_WORDS = st.lists(st.sampled_from(["alpha", "beta", "gamma", "delta", "epsilon"]), max_size=6)
_CONTEXTS = st.lists(_WORDS.map(" ".join), min_size=1, max_size=8)


@settings(max_examples=40, deadline=None)
@given(bank=_CONTEXTS, queries=_CONTEXTS)
def test_the_index_finds_the_largest_cosine_written_out_longhand(
    bank: list[str], queries: list[str]
) -> None:
    vocabulary = sorted({word for text in bank for word in text.split()})
    document_frequency = np.array([sum(w in t.split() for t in bank) for w in vocabulary])
    idf = np.log((1 + len(bank)) / (1 + document_frequency)) + 1

    def vector(text: str) -> Any:
        counts = np.array([text.split().count(word) for word in vocabulary], float) * idf
        return counts / (np.linalg.norm(counts) or 1.0)

    for query, found in zip(queries, ContextIndex(bank).nearest(queries), strict=True):
        similarity = np.array([vector(text) @ vector(query) for text in bank])
        if similarity.max() <= 0:
            assert found is None
        else:
            assert found is not None
            assert similarity.max() == pytest.approx(similarity[found], abs=1e-12)


def test_chunks_do_not_change_what_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    words = np.array([f"w{i}" for i in range(50)])
    texts = [" ".join(generator.choice(words, 8)) for _ in range(300)]
    whole = ContextIndex(texts).nearest(texts[::-1])
    monkeypatch.setattr("models.context_index.SIMILARITIES_AT_ONCE", 1)
    assert whole == ContextIndex(texts).nearest(texts[::-1])


_SCRIPT = """
from models.adapter import BankReport, Request
from models.retrieval import Retrieval
words = [f"word{i * i % 37}" for i in range(400)]
bank = [BankReport(f"b{i}", {"history": " ".join(words[i : i + 5])}, str(i)) for i in range(390)]
adapter = Retrieval.from_settings({})
adapter.prepare(bank)
requests = [Request("q", context={"history": " ".join(words[i : i + 3])}) for i in range(390)]
print(adapter.fingerprint(), [g.text for g in adapter.generate(requests)])
"""


def test_retrieval_is_the_same_under_any_hash_seed() -> None:
    outputs = {
        subprocess.run(
            [sys.executable, "-c", _SCRIPT],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
