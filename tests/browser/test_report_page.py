"""The report page in a real browser, offline; `make test-browser` runs these."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from metrics.metric import Span
from reports.html import render_report
from reports.report_data import ReportData
from reports.shareable import shareable
from tests.browser.conftest import Open, contrast
from tests.reports.factory import prior, report
from tests.reports.hostile import HOSTILE, hostile_report

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def usual() -> ReportData:
    return report()


def column(page: Page, position: int) -> list[str]:
    cells = page.locator(f"#leaderboard-table tbody tr > :nth-child({position})")
    return [text.split()[0] for text in cells.all_inner_texts()]


def hits(page: Page) -> list[str]:
    return page.locator("#hits button span:first-child").all_inner_texts()


def hit_scores(page: Page) -> list[float]:
    return [float(text) for text in page.locator("#hits button span:last-child").all_inner_texts()]


def wait_for(page: Page, found: str) -> None:
    page.wait_for_function(
        "wanted => document.getElementById('found').textContent.startsWith(wanted)", arg=found
    )


@pytest.mark.parametrize("width", [1440, 1024, 390])
def test_the_page_fits_its_width_and_asks_nobody_for_anything(
    open_page: Open, usual: ReportData, width: int
) -> None:
    page = open_page(usual, width=width)
    for details in page.locator("main > section details").all():
        details.evaluate("node => { node.open = true; }")
    assert width == page.evaluate("document.documentElement.scrollWidth")


def test_the_leaderboard_sorts_best_first_and_then_the_other_way(
    open_page: Open, usual: ReportData
) -> None:
    page = open_page(usual)
    header = page.locator("#leaderboard-table thead th").nth(3)
    header.locator("button").click()
    assert "descending" == header.get_attribute("aria-sort")
    values = [float(value) for value in column(page, 4)]
    assert sorted(values, reverse=True) == values
    header.locator("button").press("Enter")
    assert "ascending" == header.get_attribute("aria-sort")
    assert sorted(values) == [float(value) for value in column(page, 4)]


def test_the_leaderboard_sorts_lower_is_better_from_the_lowest(
    open_page: Open, usual: ReportData
) -> None:
    page = open_page(usual)
    header = page.locator("#leaderboard-table thead th").last
    header.locator("button").click()
    assert "ascending" == header.get_attribute("aria-sort")


def test_slices_show_one_metric_at_a_time(open_page: Open, usual: ReportData) -> None:
    page = open_page(usual)
    assert 3 == page.locator("#slices tbody:visible").count()
    page.locator("#slice-metric").select_option("cider")
    shown = page.locator("#slices tbody:visible").first
    assert "cider" == shown.get_attribute("data-block")


def test_search_finds_ids_and_words_of_texts(open_page: Open, usual: ReportData) -> None:
    page = open_page(usual)
    wait_for(page, "60 of 60 studies")
    page.locator("#search").fill("S50007")
    wait_for(page, "1 of 60")
    assert ["s50007"] == hits(page)
    assert "s50007" == page.locator("#study h3").inner_text()
    text = usual.studies[31].predictions["nearest-report"]
    page.locator("#search").fill(text)
    page.wait_for_function("() => document.querySelector('#study h3').textContent === 's50031'")


def test_a_search_without_a_hit_says_so_and_clears_the_study(
    open_page: Open, usual: ReportData
) -> None:
    page = open_page(usual, "#study=s50007&system=constant")
    page.locator("#search").fill("no such word")
    wait_for(page, "0 of 60")
    assert "No study matches." == page.locator("#study").inner_text()
    assert "" == page.locator("#page").inner_text()
    page.locator("#search").fill("")
    wait_for(page, "60 of 60")
    assert "s50007" == page.locator("#study h3").inner_text()
    assert "1 / 3" == page.locator("#page").inner_text()


def test_the_prior_filter_keeps_studies_without_a_prior(open_page: Open, usual: ReportData) -> None:
    page = open_page(usual)
    page.locator("#prior").select_option("no")
    wait_for(page, "20 of 60")
    assert [f"s{50000 + i}" for i in range(0, 60, 3)] == hits(page)


def test_studies_sort_and_filter_by_a_score(open_page: Open, usual: ReportData) -> None:
    page = open_page(usual)
    page.locator("#metric").select_option("2")
    page.locator("#system").select_option("1")
    page.locator("#order").select_option("up")
    page.locator("#least").fill("50")
    values = [s.scores["two-image-model@dummy"]["rougeL"] for s in usual.studies]
    kept = sorted(round(v * 100, 2) for v in values if v is not None and v >= 0.5)
    wait_for(page, f"{len(kept)} of 60")
    assert kept[:20] == pytest.approx(hit_scores(page), abs=0.006)


def test_studies_sort_by_the_difference_of_two_systems(open_page: Open, usual: ReportData) -> None:
    page = open_page(usual)
    page.locator("#other").select_option("3")
    page.locator("#order").select_option("down")
    differences = {
        s.sample_id: s.scores["two-image-model"]["bleu1"] - s.scores["constant"]["bleu1"]  # type: ignore[operator]
        for s in usual.studies
    }
    wanted = sorted(differences, key=lambda i: -differences[i])[:20]
    # the list is drawn in one go, a moment after the last choice
    page.wait_for_function(
        "wanted => document.querySelector('#hits button').title === wanted", arg=wanted[0]
    )
    assert wanted == hits(page)


def test_pages_of_the_list_follow_one_another(open_page: Open, usual: ReportData) -> None:
    page = open_page(usual)
    first = hits(page)
    page.locator("#page-on").click()
    assert "s50020" == hits(page)[0]
    page.locator("#page-back").click()
    assert first == hits(page)


def test_keys_step_through_studies_but_not_while_typing(open_page: Open, usual: ReportData) -> None:
    page = open_page(usual)
    page.locator("#studies h2").click()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    assert "s50001" == page.locator("#study h3").inner_text()
    page.locator("#search").press("j")
    page.locator("#search").fill("")
    assert "s50001" == page.locator("#study h3").inner_text()


def test_a_deep_link_opens_its_study_and_system(open_page: Open, usual: ReportData) -> None:
    page = open_page(usual, "#study=s50042&system=nearest-report")
    assert "s50042" == page.locator("#study h3").inner_text()
    assert "nearest-report" == page.locator(".text.chosen h4").inner_text()
    assert page.locator("#study h3").is_visible()
    page.locator("#step-next").click()
    assert page.url.endswith("#study=s50043&system=nearest-report")


def test_a_deep_link_to_an_unknown_study_says_so(open_page: Open, usual: ReportData) -> None:
    page = open_page(usual, "#study=nobody&system=constant")
    assert "No study nobody is in this report." == page.locator("#study .notice").inner_text()


def test_marks_are_those_of_the_metric_chosen(open_page: Open, usual: ReportData) -> None:
    study = usual.studies[5]
    page = open_page(usual, f"#study={study.sample_id}&system=constant")
    for key in ("bleu", "temporal_f1"):
        page.locator("#marks").select_option(label=key)
        wanted = [
            study.predictions["constant"][span.start : span.end]
            for name, span in study.spans["constant"]
            if name == key and span.side == "prediction"
        ]
        assert wanted == page.locator(".text.chosen mark").all_inner_texts()
    page.locator("#marks").select_option(label="nothing")
    assert 0 == page.locator(".text mark").count()


def test_overlapping_marks_are_cut_where_they_meet(open_page: Open, usual: ReportData) -> None:
    marks = [
        ("m", Span("prediction", 0, 10, "matched", "a")),
        ("m", Span("prediction", 5, 15, "invented", "b")),
    ]
    study = replace(
        usual.studies[0], predictions={"constant": "🫁 0123456789abcdef"}, spans={"constant": marks}
    )
    page = open_page(replace(usual, studies=[study]), f"#study={study.sample_id}&system=constant")
    found = page.locator(".text.chosen mark")
    assert ["🫁 012", "34567", "89abc"] == found.all_inner_texts()
    assert "matched: a; invented: b" == found.nth(1).get_attribute("title")


def test_the_legend_shows_the_kinds_of_the_metric_chosen_and_explains_overlaps(
    open_page: Open, usual: ReportData
) -> None:
    marks = [
        ("one", Span("prediction", 0, 4, "matched", "")),
        ("two", Span("prediction", 0, 4, "matched", "")),
        ("two", Span("prediction", 2, 6, "invented", "")),
    ]
    study = replace(
        usual.studies[0], predictions={"constant": "0123456789"}, spans={"constant": marks}
    )
    page = open_page(replace(usual, studies=[study]), f"#study={study.sample_id}&system=constant")
    keys = page.locator(".legend mark")
    assert ["matched"] == keys.all_inner_texts()
    page.locator("#marks").select_option(label="two")
    assert ["matched", "invented", "several"] == keys.all_inner_texts()
    assert "overlap" in page.locator(".legend").inner_text()
    page.locator("#marks").select_option(label="nothing")
    assert [] == keys.all_inner_texts()


def test_images_are_shown_and_enlarge(open_page: Open, usual: ReportData) -> None:
    page = open_page(usual, "#study=s50001&system=constant")
    assert 2 == page.locator("#study img").count()
    page.wait_for_function("() => document.querySelector('#study img').naturalWidth === 48")
    button = page.locator("#study .images button").first
    button.click()
    assert "true" == button.get_attribute("aria-pressed")


def test_dark_mode_has_a_dark_ground_and_readable_text(open_page: Open, usual: ReportData) -> None:
    page = open_page(usual, color_scheme="dark")
    for selector in ("h1", ".fine", ".verdict.caution", ".interval", "#study .body"):
        assert 4.5 <= contrast(page, selector)


def test_light_mode_has_readable_text(open_page: Open, usual: ReportData) -> None:
    page = open_page(usual, color_scheme="light")
    for selector in (
        "h1",
        ".fine",
        ".verdict.caution",
        ".verdict.sound",
        ".interval",
        "td.worse span",
    ):
        assert 4.5 <= contrast(page, selector)


def test_printing_opens_what_is_folded(open_page: Open, usual: ReportData) -> None:
    page = open_page(usual)
    assert 0 < page.locator("details:not([open])").count()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert 0 == page.locator("details:not([open])").count()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert 0 < page.locator("details:not([open])").count()


def test_without_scripts_everything_but_the_studies_can_be_read(
    open_page: Open, usual: ReportData
) -> None:
    page = open_page(usual, java_script_enabled=False)
    assert page.locator("#slices tbody").last.is_visible()
    assert page.get_by_text("needs JavaScript").is_visible()
    assert not page.locator("#filters").is_visible()


@pytest.mark.parametrize("position", range(len(HOSTILE)))
def test_hostile_texts_are_shown_and_do_nothing(open_page: Open, position: int) -> None:
    data = hostile_report()
    page = open_page(data, width=390)
    page.locator("#hits button").nth(position).click()
    wanted = re.sub("[\ud800-\udfff]", "\ufffd", HOSTILE[position])
    heading = page.locator("#study h3").evaluate("node => node.textContent")
    assert wanted == re.sub("[\ud800-\udfff]", "\ufffd", heading)
    assert 390 == page.evaluate("document.documentElement.scrollWidth")
    if "\ud800" not in HOSTILE[position]:
        page.reload()
        assert wanted == page.locator("#study h3").evaluate("node => node.textContent")


def test_a_report_of_a_megabyte_is_shown(open_page: Open, usual: ReportData) -> None:
    long = replace(usual.studies[0], predictions={"constant": "no effusion " * 90_000}, spans={})
    page = open_page(replace(usual, studies=[long]), "#study=s50000&system=constant")
    assert 1_080_000 == page.locator(".text.chosen .body").evaluate(
        "node => node.textContent.length"
    )


def test_the_shareable_page_shows_scores_and_no_texts(open_page: Open, usual: ReportData) -> None:
    page = open_page(shareable(usual, "pepper"))
    assert 0 == page.locator(".text, #study img, mark").count()
    assert page.locator(".study-scores").is_visible()
    page.locator("#prior").select_option("no")
    wait_for(page, "20 of 60")


def test_the_policy_stops_scripts_that_get_into_the_page(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    attack = "document.title='owned'"
    intruder = f'</main><script>{attack}</script><img src=x onerror="{attack}">'
    text = render_report(report(n_studies=1)).replace("</main>", intruder)
    path.write_text(text, "utf-8")
    page = browser.new_page()
    page.goto(path.as_uri())
    assert "owned" != page.title()
    page.close()


def test_two_thousand_studies_answer_within_a_second(open_page: Open) -> None:
    systems = [f"system-{i}" for i in range(5)]
    page = open_page(report(systems, 2000, n=2000, length=6, images=False))
    page.locator("#order").select_option("down")
    milliseconds = page.evaluate(
        """() => new Promise((done) => {
            const start = performance.now();
            const found = document.getElementById('found');
            const watch = new MutationObserver(() => done(performance.now() - start));
            watch.observe(found, {childList: true});
            const search = document.getElementById('search');
            search.value = 'pneumothorax is new';
            search.dispatchEvent(new Event('input', {bubbles: true}));
        })"""
    )
    assert milliseconds < 1000


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_the_headline_on_the_prior_image_is_seen_and_read(
    open_page: Open, usual: ReportData, width: int, scheme: str
) -> None:
    data = replace(usual, prior=prior("two-image-model"))
    page = open_page(data, width=width, color_scheme=scheme)
    headline = page.locator("#prior-image .finding")
    assert [
        "two-image-model, temporal_direction_f1: 0.81 with the real prior, 0.46 with the dummy, "
        "0.41 with another patient's: the right prior image is worth +0.35 [0.30, 0.40] against "
        "the dummy and +0.40 [0.35, 0.45] against another patient's.",
        "On the 182 of 300 studies that have a prior image, of 120 patients; in brackets, 95 % "
        "intervals of the paired difference.",
    ] == headline.locator("p").all_inner_texts()
    box = headline.bounding_box()
    assert box is not None
    assert 0 < box["x"]
    assert box["x"] + box["width"] < width
    above = page.locator("#soundness").bounding_box()
    below = page.locator("#systems").bounding_box()
    assert above is not None
    assert below is not None
    assert above["y"] + above["height"] <= box["y"] < below["y"]
    assert box["y"] + box["height"] < 900
    assert 2 == page.locator("#prior-image svg").count()
    for svg in page.locator("#prior-image svg").all():
        drawn = svg.bounding_box()
        assert drawn is not None
        assert drawn["x"] + drawn["width"] < width
    page.locator("#prior-image details > summary").click()
    assert 3 == page.locator("#prior-table tbody tr").count()
    assert width == page.evaluate("document.documentElement.scrollWidth")


def test_the_shareable_report_has_the_headline_too(open_page: Open, usual: ReportData) -> None:
    page = open_page(shareable(replace(usual, prior=prior("two-image-model")), "salt"))
    assert "worth +0.35 [0.30, 0.40]" in page.locator("#prior-image .finding").inner_text()
    page.locator("nav.contents a", has_text="Prior image").click()
    assert page.url.endswith("#prior-image")


_BROKEN_NAMES = """() => {
  const broken = [];
  for (const name of document.querySelectorAll("th > bdi, h4, figcaption strong, .reasons bdi")) {
    const walker = document.createTreeWalker(name, NodeFilter.SHOW_TEXT);
    for (let part = walker.nextNode(); part; part = walker.nextNode()) {
      const range = document.createRange();
      range.selectNodeContents(part);
      const lines = new Set(Array.from(range.getClientRects(), (box) => Math.round(box.top)));
      if (lines.size > 1 + (part.data.match(/[- ]/g) || []).length) broken.push(name.textContent);
    }
  }
  return broken;
}"""


def test_on_a_phone_names_break_between_their_parts_only(
    open_page: Open, usual: ReportData
) -> None:
    page = open_page(replace(usual, prior=prior("two-image-model")), width=420)
    for details in page.locator("main > section details").all():
        details.evaluate("node => { node.open = true; }")
    assert [] == page.evaluate(_BROKEN_NAMES)
    name = "prior_hallucination_no_comparison_in_context"
    assert 2 < page.locator("#browser th", has_text=name).locator("wbr").count()
    assert 420 == page.evaluate("document.documentElement.scrollWidth")


def test_names_are_copied_without_the_places_where_they_may_break(
    open_page: Open, usual: ReportData
) -> None:
    page = open_page(usual)
    copied = page.evaluate(
        """() => {
            getSelection().selectAllChildren(document.querySelector("#systems tr:nth-child(2) th"));
            return getSelection().toString();
        }"""
    )
    assert "two-image-model@dummy" == copied.strip()


def test_the_bar_of_sections_fades_where_it_goes_on_and_ends_clear_of_it(
    open_page: Open, usual: ReportData
) -> None:
    page = open_page(usual, width=420)
    bar = page.locator("nav.contents ul")
    assert "linear-gradient" in bar.evaluate("node => getComputedStyle(node).maskImage")
    bar.locator("a").last.focus()
    end = bar.locator("a").last.bounding_box()
    assert end is not None
    assert end["x"] + end["width"] < 420 - 63
