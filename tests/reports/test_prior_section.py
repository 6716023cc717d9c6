"""What is said of the prior image: one sentence that claims no more than was shown."""

import math
import re
from dataclasses import replace

import pytest

from reports.html import render_report
from reports.performance_section import performance_table
from reports.prior_section import gains_for_terminal, prior_findings, prior_view
from reports.prior_words import finding
from reports.report_data import PriorGain, PriorSection, ReportData
from reports.shareable import shareable
from tests.reports.factory import PERFORMANCE, gain, prior, report

MODEL = "libra-phantom"
METRIC = "temporal_direction_f1"


def _gain(worth: float, other: str = "dummy", half_width: float = 0.05) -> PriorGain:
    return gain(MODEL, other, METRIC, worth, half_width)


def _without_interval(one: PriorGain) -> PriorGain:
    unknown = replace(one.difference, low=math.nan, high=math.nan, p_holm=math.nan)
    return replace(one, difference=unknown)


@pytest.mark.parametrize(
    ("gains", "verdict", "expected"),
    [
        (
            [_gain(0.35), _gain(0.40, "shuffled")],
            "gain",
            "0.81 with the real prior, 0.46 with the dummy, 0.41 with another patient's: the right "
            "prior image is worth +0.35 [0.30, 0.40] against the dummy and +0.40 [0.35, 0.45] "
            "against another patient's.",
        ),
        (
            [_gain(0.02)],
            "none",
            "0.81 with the real prior, 0.79 with the dummy: no gain from the right prior image is "
            "shown over the dummy (+0.02 [−0.03, 0.07]).",
        ),
        (
            [_gain(-0.2, "none")],
            "loss",
            "0.81 with the real prior, 1.01 with no prior: the right prior image makes it worse "
            "than no prior (−0.20 [−0.25, −0.15]).",
        ),
        (
            [_gain(0.02), _gain(0.3, "shuffled")],
            "gain",
            "0.81 with the real prior, 0.79 with the dummy, 0.51 with another patient's: the right "
            "prior image is worth +0.30 [0.25, 0.35] against another patient's; no gain from the "
            "right prior image is shown over the dummy (+0.02 [−0.03, 0.07]).",
        ),
        (
            [_without_interval(_gain(0.35))],
            "unknown",
            "0.81 with the real prior, 0.46 with the dummy: without intervals, nothing tells the "
            "difference to the dummy (+0.35) from chance.",
        ),
    ],
)
def test_the_sentence_says_what_was_shown(
    gains: list[PriorGain], verdict: str, expected: str
) -> None:
    found = finding(MODEL, gains, text_only=False)
    assert (verdict, expected) == (found.verdict, found.sentence)


def test_a_difference_that_holm_does_not_keep_is_no_gain() -> None:
    one = _gain(0.35)
    one = replace(one, difference=replace(one.difference, p_holm=0.06))
    assert "none" == finding(MODEL, [one], text_only=False).verdict


def _against_the_test(n_units: int) -> PriorGain:
    """Return a gain whose interval leaves out 0 although the test does not tell it from chance."""
    one = gain(MODEL, "dummy", METRIC, 0.9, 0.1, n_units)
    return replace(one, difference=replace(one.difference, p_holm=0.1875))


def test_an_interval_over_too_few_patients_is_said_to_rest_on_too_few() -> None:
    found = finding(MODEL, [_against_the_test(5)], text_only=False)
    assert "few" == found.verdict
    assert found.sentence.endswith(
        "5 patients are too few to claim a difference to the dummy (+0.90 [0.80, 1.00], adjusted "
        "p 0.188): below 100, intervals tend to be too narrow."
    )
    assert "no gain" not in found.sentence


def test_what_is_said_of_too_few_patients_is_said_once() -> None:
    text = _prior_html(_report(PriorSection([_against_the_test(5)])))
    assert 1 == text.count("intervals tend to be too narrow")


def test_enough_patients_whose_test_disagrees_with_the_interval_show_no_gain_and_the_p() -> None:
    found = finding(MODEL, [_against_the_test(100)], text_only=False)
    assert "none" == found.verdict
    assert found.sentence.endswith("over the dummy (+0.90 [0.80, 1.00], adjusted p 0.188).")


def test_a_gain_that_is_defined_nowhere_is_not_blamed_on_missing_priors() -> None:
    nowhere = PriorSection([gain(MODEL, "dummy", METRIC, math.nan)])
    assert "No metric is defined on the studies that have a prior" in _prior_html(_report(nowhere))


def test_a_model_that_sees_no_image_is_said_to_use_the_report_and_comes_last() -> None:
    text = prior("prior-report", ("shuffled",), text_only=["prior-report"])
    both = replace(text, gains=[*text.gains, *prior(MODEL).gains])
    metric, found = prior_findings(both)
    assert METRIC == metric
    assert [MODEL, "prior-report"] == [one.model for one in found]
    assert "the right prior report is worth +0.35" in found[1].sentence
    assert "It looks at no image" in render_report(_report(text))


def test_without_a_temporal_metric_the_first_defined_one_speaks() -> None:
    gains = [gain(MODEL, "dummy", "bleu4", math.nan), gain(MODEL, "dummy", "rougeL", 0.1)]
    metric, found = prior_findings(PriorSection(gains))
    assert "rougeL" == metric
    assert 1 == len(found)


def _report(section: PriorSection) -> ReportData:
    systems = (MODEL, f"{MODEL}@dummy", f"{MODEL}@shuffled", "constant")
    return replace(report(systems, 3), prior=section)


def _prior_html(data: ReportData) -> str:
    found = re.search(r'<section id="prior-image".*?</section>', render_report(data), re.S)
    assert found is not None
    text = found[0].replace("<wbr>", "")
    return " ".join(re.sub(r"<[^>]*>", " ", text).split())


def test_the_headline_comes_right_after_soundness_in_both_versions() -> None:
    for data in (_report(prior(MODEL)), shareable(_report(prior(MODEL)), "salt")):
        page = render_report(data)
        sections = re.findall(r'<section id="([\w-]+)"', page)
        assert ["soundness", "prior-image", "systems", "run"] == sections[:4]
        assert "libra-phantom , temporal_direction_f1: 0.81 with the real prior" in _prior_html(
            data
        )


def test_what_the_numbers_are_over_is_said() -> None:
    text = _prior_html(_report(prior(MODEL)))
    assert (
        "On the 182 of 300 studies that have a prior image, of 120 patients; in brackets, 95 % "
        "intervals of the paired difference." in text
    )
    assert (
        "The 118 studies without a prior image are left out: for them a model of two images sees "
        "what it sees with the dummy" in text
    )
    assert "Only" not in text


def test_studies_that_a_mode_failed_on_are_counted_by_model() -> None:
    section = prior(MODEL)
    data = _report(replace(section, gains=[replace(g, left_out=2, n=180) for g in section.gains]))
    text = _prior_html(data)
    assert "On the 180 of 300 studies that have a prior image and that no mode failed on" in text
    assert "libra-phantom: 2 with a prior image left out, because one of its modes" in text
    assert "over the dummy n 180" in text


def test_few_units_and_unsound_systems_are_caveats() -> None:
    data = _report(prior(MODEL, n_units=24))
    data = replace(data, soundness=[replace(s, verdict="unsound") for s in data.soundness])
    text = _prior_html(data)
    assert "Only 24 patients have a prior image. Below 100, intervals tend to be" in text
    assert f"not to be quoted: {MODEL}, {MODEL}@dummy, {MODEL}@shuffled." in text


def test_no_study_with_a_prior_is_said_and_no_pair_shows_no_section() -> None:
    text = _prior_html(_report(PriorSection([], without=300)))
    assert "No study is known to have a prior image, so nothing can be said." in text
    assert 'id="prior-image"' not in render_report(replace(report(), prior=None))


def test_the_plots_show_each_prior_and_what_the_real_one_adds() -> None:
    view = prior_view(_report(prior(MODEL)))
    assert view is not None
    (scores, _), (differences, _) = view.plots
    assert ["0.810", "0.460", "0.410"] == [row.value for row in scores.rows]
    assert "" == scores.zero_x
    assert ["+0.350", "+0.400"] == [row.value for row in differences.rows]
    assert differences.ticks[0].x == differences.zero_x
    assert float(differences.zero_x) < float(differences.rows[0].low_x)


def test_every_metric_has_a_row_and_significant_gains_stand_out() -> None:
    gains = [*prior(MODEL).gains, gain(MODEL, "dummy", "rougeL", 0.01)]
    view = prior_view(_report(PriorSection(gains)))
    assert view is not None
    assert [(MODEL, "over the dummy", 182), (MODEL, "over another patient's", 182)] == view.columns
    rows = {name: [(c.value, c.interval, c.sure) for c in cells] for name, cells in view.rows}
    assert [("+35.00", "30.00, 40.00", True), ("+40.00", "35.00, 45.00", True)] == rows["bleu4"]
    assert ("+0.350", "0.300, 0.400", True) == rows["cider"][0]
    assert [("+1.00", "−4.00, 6.00", False), ("–", "", False)] == rows["rougeL"]


def test_the_terminal_gets_one_row_per_metric() -> None:
    table = gains_for_terminal(prior(MODEL, ("dummy",)).gains)
    assert ["metric", "libra-phantom over the dummy"] == table.headers
    assert ["bleu4", "+35.00 [30.00, 40.00]"] == table.rows[0]


def test_the_run_card_shows_what_generating_took() -> None:
    table = performance_table(replace(report(), performance={"m": PERFORMANCE}))
    assert table is not None
    assert {
        "Loading": "1.5 s",
        "Warm-up": "0.2 s",
        "Images": "600",
        "Images/s": "41.3",
        "Prompt tokens": "4\u202f567",
        "Tokens": "12\u202f345",
        "Tokens/s": "812.0",
        "Peak memory": "1.50 GiB",
        "Device": "cpu",
        "Type": "float32",
    } == dict(zip(table.headers, table.rows[0][1], strict=True))
    assert None is performance_table(replace(report(), performance={}))


def test_a_time_that_was_measured_is_never_shown_as_none() -> None:
    found = performance_table(replace(report(), performance={"m": {"warm_up_s": 0.009}}))
    assert found is not None
    assert [("m", ["< 0.1 s"])] == found.rows
