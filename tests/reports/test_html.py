import base64
import hashlib
import json
import math
import os
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from metrics.metric import Span
from reports.errors import InputError
from reports.html import render_report
from reports.report_data import NOT_MENTIONED, DirectionTable, ReportData, TemporalSection
from tests.reports.factory import pair, report, score, table
from tests.reports.hostile import HOSTILE, hostile_report
from tests.reports.study_factory import METRICS

SECTIONS = [
    "soundness",
    "systems",
    "run",
    "leaderboard",
    "intervals",
    "significance",
    "slices",
    "temporal",
    "studies",
]


class Page(HTMLParser):
    """Elements of a page: (tag, attributes), and the text of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = [("", {})]
        self.raw: list[tuple[dict[str, str | None], str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))
        if tag in ("script", "style"):
            self.raw.append((dict(attributes), ""))

    def handle_data(self, text: str) -> None:
        if self.elements[-1][0] in ("script", "style"):
            attributes, before = self.raw[-1]
            self.raw[-1] = (attributes, before + text)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self.elements.append(("after", {}))

    def policy(self) -> str:
        return next(
            str(a["content"])
            for _, a in self.elements
            if a.get("http-equiv") == "Content-Security-Policy"
        )

    def studies(self) -> Any:
        return next(json.loads(text) for a, text in self.raw if a.get("type") == "application/json")


@pytest.fixture(scope="module")
def usual() -> ReportData:
    return report()


@pytest.fixture(scope="module")
def usual_page(usual: ReportData) -> str:
    return render_report(usual)


@pytest.fixture(scope="module")
def hostile_page() -> str:
    return render_report(hostile_report())


def test_sections_stand_in_their_order(usual_page: str) -> None:
    places = [usual_page.index(f'<section id="{name}"') for name in SECTIONS]
    assert sorted(places) == places


def test_the_policy_allows_exactly_the_scripts_and_the_style_of_the_page(usual_page: str) -> None:
    page = Page(usual_page)
    policy = page.policy()
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    blocks = [text for attributes, text in page.raw if not attributes.get("type")]
    assert 3 == len(blocks)
    for text in blocks:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


def test_the_page_names_no_address_outside_itself(usual_page: str) -> None:
    for tag, attributes in Page(usual_page).elements:
        assert tag not in ("iframe", "object", "embed", "base")
        for name in ("src", "href"):
            address = attributes.get(name)
            assert address is None or address.startswith(("#", "data:"))


def test_hostile_texts_make_no_element_and_no_handler(hostile_page: str, usual_page: str) -> None:
    usual_tags = {tag for tag, _ in Page(usual_page).elements}
    page = Page(hostile_page)
    assert {tag for tag, _ in page.elements} <= usual_tags
    assert 3 == sum(tag == "script" for tag, _ in page.elements)
    for _, attributes in page.elements:
        assert not any(name.startswith("on") or name == "style" for name in attributes)


def test_hostile_texts_reach_the_browser_of_studies_unchanged(hostile_page: str) -> None:
    studies = Page(hostile_page).studies()
    assert list(HOSTILE) == [study["id"] for study in studies["studies"]]
    assert list(HOSTILE[:5]) == studies["systems"]


def test_the_embedded_data_cannot_end_its_element(hostile_page: str) -> None:
    start = hostile_page.index('id="studies-data">') + len('id="studies-data">')
    block = hostile_page[start : hostile_page.index("</script>", start)]
    assert not set("<>&\u2028\u2029") & set(block)
    assert block.isascii()


def test_the_page_is_utf8_whatever_the_texts(hostile_page: str) -> None:
    assert hostile_page == hostile_page.encode("utf-8").decode("utf-8")


def test_template_syntax_in_texts_is_not_evaluated(hostile_page: str) -> None:
    assert "{{ 7*7 }}" in hostile_page


def test_equal_data_gives_equal_bytes_under_any_hash_seed(usual_page: str) -> None:
    code = (
        "import hashlib; from reports.html import render_report; "
        "from tests.reports.factory import report; "
        "print(hashlib.sha256(render_report(report()).encode()).hexdigest())"
    )
    expected = hashlib.sha256(usual_page.encode()).hexdigest()
    for seed in ("1", "2"):
        environment = {
            **os.environ,
            "PYTHONHASHSEED": seed,
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert expected == done.stdout.strip()


def test_two_thousand_studies_of_five_systems_stay_under_15_megabytes() -> None:
    systems = [f"system-{i}" for i in range(5)]
    page = render_report(report(systems, 2000, n=2000, length=9, images=False))
    assert len(page.encode()) < 15e6


def test_an_unsound_system_turns_the_whole_run_unsound(usual_page: str) -> None:
    assert 'class="headline unsound"' in usual_page
    assert "Do not quote the numbers of constant." in usual_page


def test_a_sound_run_says_so(usual: ReportData) -> None:
    fine = [replace(one, verdict="sound", reasons=()) for one in usual.soundness]
    page = render_report(replace(usual, soundness=fine))
    assert 'class="headline sound"' in page


def test_a_partial_run_is_announced(usual: ReportData) -> None:
    page = render_report(replace(usual, table=replace(usual.table, partial=True)))
    assert "This is a partial run" in page


def test_few_units_are_a_warning() -> None:
    few = table({"a": {"bleu4": score(0.2, n_units=42)}})
    page = render_report(ReportData("t", "c", few, []))
    assert "only 42 independent units" in page
    assert 'class="headline caution"' in page


def test_the_best_is_bold_only_where_it_beats_every_other_system() -> None:
    plain = report(n_studies=0)
    certain = [
        replace(c, p_holm=0.001, low=c.difference, high=c.difference) for c in plain.comparisons
    ]
    unsure = [replace(c, p_holm=0.5) for c in plain.comparisons]
    assert len(METRICS) == render_report(replace(plain, comparisons=certain)).count("number best")
    assert 0 == render_report(replace(plain, comparisons=unsure)).count("number best")


def test_without_comparisons_nothing_is_ranked() -> None:
    page = render_report(replace(report(n_studies=0), comparisons=()))
    assert "Systems are not ranked" in page
    assert 'class="rank" title' not in page


def test_the_smallest_report_renders_without_optional_sections() -> None:
    small = table({"a": {"bleu4": score(math.nan)}})
    page = render_report(ReportData("t", "c", small, []))
    assert "nothing to compare" in page
    for name in ("slices", "temporal", "studies", "intervals"):
        assert (name == "intervals") == (f'<section id="{name}"' in page)


def test_span_offsets_are_counted_as_javascript_counts(usual: ReportData) -> None:
    study = replace(
        usual.studies[0],
        predictions={"constant": "𝒳 new"},
        spans={"constant": [("temporal_f1", Span("prediction", 2, 5, "invented", "new"))]},
    )
    studies = Page(render_report(replace(usual, studies=[study]))).studies()
    assert [0, [3, 3, 2], []] == studies["studies"][0]["spans"][3][0]


def test_a_span_outside_its_text_is_refused_without_quoting_it(usual: ReportData) -> None:
    study = replace(
        usual.studies[0],
        spans={"constant": [("bleu", Span("reference", 0, 10_000, "missed", "secret"))]},
    )
    with pytest.raises(InputError, match="lies outside the text") as caught:
        render_report(replace(usual, studies=[study]))
    assert "secret" not in str(caught.value)


def test_a_study_that_stands_twice_is_refused(usual: ReportData) -> None:
    with pytest.raises(InputError, match="stands twice"):
        render_report(replace(usual, studies=[usual.studies[0], usual.studies[0]]))


@pytest.mark.parametrize(
    "uri",
    [
        "https://example.org/a.png",
        "data:image/svg+xml;base64,AAAA",
        "data:text/html;base64,AAAA",
        "data:image/png;base64,AAAA\n",
        "javascript:alert(1)",
    ],
)
def test_images_that_are_not_embedded_pictures_are_refused(usual: ReportData, uri: str) -> None:
    study = replace(usual.studies[0], images=[("current", uri)])
    with pytest.raises(InputError, match="not a base64 data URI"):
        render_report(replace(usual, studies=[study]))


def section(page: str, name: str) -> str:
    """Return a section, without the places where names may break."""
    start = page.index(f'<section id="{name}"')
    return page[start : page.index("</section>", start)].replace("<wbr>", "")


@pytest.mark.parametrize("name", ["leaderboard", "temporal"])
def test_a_score_over_fewer_studies_than_another_systems_says_so(name: str) -> None:
    scores = {
        "a": {"temporal_f1": score(0.2, n=7)},
        "b": {"temporal_f1": score(0.3, n=41)},
        "c": {"temporal_f1": score(0.3)},
    }
    found = section(render_report(ReportData("t", "c", table(scores), [])), name)
    assert 1 == found.count('<span class="interval">n 7</span>')
    assert 1 == found.count('<span class="interval">n 41</span>')
    assert '<span class="interval">n 300</span>' not in found


def test_an_n_that_all_systems_share_is_said_once_in_the_head() -> None:
    scores = {name: {"temporal_f1": score(0.2, n=7)} for name in ("a", "b")}
    page = render_report(ReportData("t", "c", table(scores), []))
    for name in ("leaderboard", "temporal"):
        assert 1 == section(page, name).count('<span class="interval">n 7</span>')


@pytest.mark.parametrize("prefix", ["", "libra/"])
def test_the_rate_of_the_references_is_nobodys_achievement(prefix: str) -> None:
    name = f"{prefix}prior_hallucination_references"
    values = {"a": 0.1, "b": 0.3}
    scores = {
        system: {"bleu4": score(value), name: score(value, higher_is_better=False)}
        for system, value in values.items()
    }
    tests = [pair("bleu4", "a", "b", -0.2), pair(name, "a", "b", -0.2)]
    page = render_report(ReportData("t", "c", table(scores), [], comparisons=tests))
    board = section(page, "leaderboard")
    assert name in board
    assert "of the test set, not ranked" in board
    assert 2 == board.count('class="rank" title')  # bleu4 alone
    assert 1 == board.count("number best")
    assert "were not tested for every pair" not in board
    assert 1 == section(page, "intervals").count("<figure")
    assert name not in section(page, "intervals")
    assert name not in section(page, "significance")


def undefined_everywhere(tags: dict[str, str]) -> str:
    undefined = score(math.nan, n=0)
    names = ("prior_hallucination", "prior_hallucination_references", "temporal_direction_f1")
    scores = {
        system: {"bleu4": score(0.2), **dict.fromkeys(names, undefined)} for system in ("a", "b")
    }
    tests = [pair(name, "a", "b", math.nan) for name in names]
    study = replace(report(n_studies=1).studies[0], tags=tags, predictions={}, spans={}, scores={})
    return render_report(
        ReportData("t", "c", table(scores), [], comparisons=tests, studies=[study])
    )


def test_metrics_without_any_score_are_named_once_and_not_shown() -> None:
    page = undefined_everywhere({})
    expected = (
        "Not defined on these studies: temporal_direction_f1; prior_hallucination, "
        "prior_hallucination_references (no study is known to lack a prior: prior_images or "
        "prior is not given)."
    )
    board = section(page, "leaderboard")
    assert expected in board
    assert 1 == board.count("prior_hallucination_references")
    assert 1 == section(page, "intervals").count("<figure")
    assert "The systems were not compared." in section(page, "significance")
    assert '<section id="temporal"' not in page


def test_where_every_study_has_a_prior_none_is_called_missing() -> None:
    board = section(undefined_everywhere({"has_prior": "yes"}), "leaderboard")
    assert "(no study is known to lack a prior)." in board


def test_an_empty_stratum_alone_is_not_explained_by_missing_priors() -> None:
    scores = {
        "prior_hallucination": score(0.2),
        "prior_hallucination_comparison_in_context": score(math.nan, n=0),
    }
    board = section(render_report(ReportData("t", "c", table({"a": scores}), [])), "leaderboard")
    assert "Not defined on these studies: prior_hallucination_comparison_in_context." in board


def test_a_metric_that_one_system_has_is_shown() -> None:
    scores = {"a": {"bleu4": score(math.nan)}, "b": {"bleu4": score(0.3)}}
    board = section(render_report(ReportData("t", "c", table(scores), [])), "leaderboard")
    assert "Not defined" not in board
    assert "30.00" in board


def test_reasons_stand_apart_and_unknown_truncation_is_a_dash(usual: ReportData) -> None:
    one = replace(usual.soundness[0], truncated=None, reasons=["too short", "all alike"])
    found = section(render_report(replace(usual, soundness=[one])), "systems")
    assert ["too short", "all alike"] == re.findall("<dd>(.*)</dd>", found)
    cells = re.findall('<td class="number">(.*)</td>', found)
    assert ["300", "0", "0", "0", "\u2013"] == cells[:5]


def test_undefined_resamples_are_told_by_system() -> None:
    def undefined(**numbers: int) -> str:
        scores = {name: {"x": score(0.2, undefined_resamples=n)} for name, n in numbers.items()}
        page = render_report(ReportData("t", "c", table(scores), []))
        return re.findall("<td>(.*)</td>", section(page, "run"))[-1]

    assert "none" == undefined(a=0, b=0)
    assert "b: 1\u202f000 of 1\u202f000" == undefined(a=0, b=1000)
    assert "a: 3 of 1\u202f000; b: 4 of 1\u202f000" == undefined(a=3, b=4, c=0)
    assert "every system: 5 of 1\u202f000" == undefined(a=5, b=5)


def test_what_neither_side_mentions_is_not_counted() -> None:
    directions = DirectionTable("a", ("new", NOT_MENTIONED), [[3, 1], [2, 0]])
    data = ReportData("t", "c", table({"a": {}}), [], temporal=TemporalSection([directions]))
    cells = re.findall('<td class="number ([^"]*)">(.*?)</td>', render_report(data))
    assert ("shade-4 diagonal", "3") == cells[0]
    assert [("shade-5", "2"), ("shade-0", "\u2013"), ("total", "2")] == cells[3:]


def test_the_page_says_what_significant_means(usual_page: str) -> None:
    rule = (
        "A difference is called significant when the Holm-adjusted p is below 0.05 and its "
        "interval leaves out 0."
    )
    assert rule in section(usual_page, "significance")
