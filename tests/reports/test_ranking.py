import math

from metrics.statistics import PairedComparison
from reports.ranking import ranks


def pair(a: str, b: str, difference: float, p_holm: float) -> PairedComparison:
    low, high = difference - 0.05, difference + 0.05
    return PairedComparison(
        "bleu4",
        a,
        b,
        difference,
        low,
        high,
        0.5,
        0.5,
        p_holm,
        100,
        undefined_resamples=0,
        needed=None,
    )


def texts(tests: list[PairedComparison], systems: str, higher: bool = True) -> dict[str, str]:
    return {name: rank.text for name, rank in ranks(list(systems), tests, higher).items()}


def test_systems_that_do_not_differ_share_a_rank() -> None:
    assert {"a": "1=", "b": "1="} == texts([pair("a", "b", 0.1, 0.2)], "ab")


def test_a_significantly_better_system_ranks_alone() -> None:
    assert {"a": "2", "b": "1"} == texts([pair("a", "b", -0.1, 0.01)], "ab")


def test_a_difference_whose_interval_holds_zero_ranks_nobody() -> None:
    assert {"a": "1=", "b": "1="} == texts([pair("a", "b", 0.04, 0.001)], "ab")


def test_less_is_better_where_the_metric_says_so() -> None:
    assert {"a": "1", "b": "2"} == texts([pair("a", "b", -0.1, 0.01)], "ab", higher=False)


def test_a_chain_of_overlaps_keeps_its_ends_apart() -> None:
    tests = [pair("a", "b", 0.1, 0.2), pair("b", "c", 0.1, 0.2), pair("a", "c", 0.2, 0.01)]
    assert {"a": "1=", "b": "1=", "c": "2"} == texts(tests, "abc")


def test_a_pair_that_was_not_tested_leaves_the_metric_unranked() -> None:
    assert {} == texts([pair("a", "b", 0.1, 0.01)], "abc")


def test_an_undefined_p_value_leaves_the_metric_unranked() -> None:
    assert {} == texts([pair("a", "b", 0.1, math.nan)], "ab")


def test_one_system_has_no_rank() -> None:
    assert {} == texts([], "a")
