"""What clinical metrics add to the report page, in a real browser."""

from dataclasses import replace

import pytest

from metrics.conditions import CONDITIONS
from metrics.metric import Span
from reports.report_data import ReportData, StudyLabels
from reports.shareable import shareable
from tests.browser.conftest import Open, contrast
from tests.reports.factory import clinical, report

pytestmark = pytest.mark.browser

BLANK, POSITIVE, NEGATIVE, UNCERTAIN = range(4)


@pytest.fixture(scope="module")
def data() -> ReportData:
    return clinical(report())


def labelled(data: ReportData, *references: list[int], **predictions: list[int]) -> ReportData:
    """Return the report of one study whose first conditions have these labels, others blank."""
    rest = [BLANK] * (len(CONDITIONS) - 4)
    labels = StudyLabels(
        [one + rest for one in references],
        {system: one + rest for system, one in predictions.items()},
    )
    study = replace(data.studies[0], predictions={"constant": "Clear."}, spans={}, labels=labels)
    return replace(data, studies=[study])


@pytest.mark.parametrize("width", [1280, 420])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_and_can_be_read(
    open_page: Open, data: ReportData, width: int, scheme: str
) -> None:
    page = open_page(data, "#study=s50001&system=constant", width=width, color_scheme=scheme)
    assert width == page.evaluate("document.documentElement.scrollWidth")
    page.locator("#marks").select_option(label="radgraph")
    page.locator("#named").check()
    for selector in (".study-labels td.differs", ".study-labels td.alike", ".study-labels .none"):
        assert 4.5 <= contrast(page, selector)
    for selector in ("#conditions .interval", "#conditions .fine", ".study-labels .interval"):
        assert 4.5 <= contrast(page, selector)
    assert width == page.evaluate("document.documentElement.scrollWidth")


def test_labels_stand_side_by_side_and_differences_have_signs(
    open_page: Open, data: ReportData
) -> None:
    wanted = [POSITIVE, POSITIVE, BLANK, NEGATIVE]
    found = [POSITIVE, UNCERTAIN, NEGATIVE, UNCERTAIN]
    page = open_page(labelled(data, wanted, constant=found), "#study=s50000&system=constant")
    rows = page.locator(".study-labels tbody tr")
    assert list(CONDITIONS) == rows.locator("th").all_inner_texts()
    position = 1 + list(data.table.systems).index("constant")
    assert [
        ("positive", "positive"),
        ("positive", "≈ uncertain"),
        ("blank", "≈ negative"),
        ("negative", "≠ uncertain"),
        ("blank", "blank"),
    ] == [
        (row.locator("td").first.inner_text(), row.locator("td").nth(position).inner_text())
        for row in rows.all()[:5]
    ]
    heads = page.locator(".study-labels thead th").all_inner_texts()
    assert "constant\n1 differs" == heads[1 + position]
    assert page.locator(".study-labels td.differs").count() == 1


def test_where_uncertain_is_not_there_it_differs_from_positive(
    open_page: Open, data: ReportData
) -> None:
    wanted, found = [POSITIVE, NEGATIVE, BLANK, BLANK], [UNCERTAIN, UNCERTAIN, BLANK, BLANK]
    strict = replace(labelled(data, wanted, constant=found), uncertain_is_there=False)
    page = open_page(strict)
    assert ["≠ uncertain"] == page.locator(".study-labels td.differs").all_inner_texts()
    assert ["≈ uncertain"] == page.locator(".study-labels td.alike").all_inner_texts()


def test_a_condition_is_there_if_one_of_several_references_has_it(
    open_page: Open, data: ReportData
) -> None:
    first, second = [BLANK, BLANK, BLANK, BLANK], [POSITIVE, UNCERTAIN, BLANK, BLANK]
    found = [BLANK, POSITIVE, POSITIVE, BLANK]
    page = open_page(labelled(data, first, second, constant=found))
    heads = page.locator(".study-labels thead th").all_inner_texts()
    assert ["CheXpert labels", "Reference 1", "Reference 2"] == heads[:3]
    assert ["≈ positive"] == page.locator(".study-labels td.alike").all_inner_texts()
    assert ["≠ positive"] == page.locator(".study-labels td.differs").all_inner_texts()


def test_a_study_without_labels_shows_none(open_page: Open, data: ReportData) -> None:
    page = open_page(replace(data, studies=[replace(data.studies[0], labels=None)]))
    assert page.locator(".study-scores").is_visible()
    assert 0 == page.locator(".study-labels").count()


def test_conditions_show_one_system_at_a_time(open_page: Open, data: ReportData) -> None:
    page = open_page(data)
    assert 1 == page.locator("#conditions tbody:visible").count()
    page.locator("#condition-system").select_option(label="constant")
    shown = page.locator("#conditions tbody:visible")
    assert ["constant"] == shown.locator("bdi").all_text_contents()
    assert len(CONDITIONS) == shown.locator("tr:visible").count()


def test_without_scripts_every_systems_conditions_can_be_read(
    open_page: Open, data: ReportData
) -> None:
    page = open_page(data, java_script_enabled=False)
    assert len(data.table.systems) == page.locator("#conditions tbody:visible").count()
    assert "constant" == page.locator("#conditions .block").last.inner_text()
    assert not page.locator("#condition-system").is_visible()


def test_nested_and_crossing_marks_cover_each_character_once(
    open_page: Open, data: ReportData
) -> None:
    text = "small left pleural effusion"
    places = [(0, 27, "matched"), (6, 18, "missed"), (11, 18, "matched"), (11, 27, "missed")]
    marks = [("radgraph", Span("reference", *place, "OBS-DP")) for place in places]  # type: ignore[arg-type]
    study = replace(data.studies[0], references=[text], spans={"constant": marks})
    page = open_page(replace(data, studies=[study]), "#study=s50000&system=constant")
    found = page.locator(".text.reference mark")
    assert ["small ", "left ", "pleural", " effusion"] == found.all_text_contents()
    assert 0 == page.locator("mark mark").count()
    assert text == page.locator(".text.reference .body").evaluate("node => node.textContent")


def test_labels_of_marks_are_shown_on_request_and_are_no_text(
    open_page: Open, data: ReportData
) -> None:
    study = data.studies[1]
    page = open_page(data, f"#study={study.sample_id}&system=constant")
    page.locator("#marks").select_option(label="radgraph")
    assert 0 == page.locator("mark[data-label]").count()
    page.locator("#named").check()
    labels = page.locator(".text.reference mark").evaluate_all(
        "nodes => nodes.map((node) => node.dataset.label)"
    )
    assert ["ANAT-DP", "OBS-DA"] == labels
    body = page.locator(".text.reference .body")
    assert study.references[0] == body.evaluate("node => node.textContent")
    for other in ("temporal_f1", "nothing"):
        page.locator("#marks").select_option(label=other)
        assert 0 == page.locator("#named, mark[data-label]").count()


def test_the_shareable_page_shows_no_studys_labels(open_page: Open, data: ReportData) -> None:
    page = open_page(shareable(data, "pepper"))
    assert page.locator("#conditions-table").is_visible()
    assert page.locator(".study-scores").is_visible()
    assert 0 == page.locator(".study-labels").count()
    assert 0 == page.get_by_text("chexbert_f1_edema").count()
