import base64
import hashlib
import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from metrics.metric import Span
from reports.errors import InputError
from reports.html import render_report
from reports.report_data import ReportData
from tests.reports.factory import HOSTILE, METRICS, hostile_report, report, score, table

SECTIONS = [
    "soundness",
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
