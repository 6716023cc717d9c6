import pytest

from harness.errors import InputError
from harness.study import Study


def _study(**reference: object) -> Study:
    return Study("s1", "s1", reference=reference, file="a.jsonl", line=7)  # type: ignore[arg-type]


def test_whether_there_is_a_prior_may_be_unknown() -> None:
    assert None is Study("s", "s").has_prior
    assert False is Study("s", "s", prior_images=[]).has_prior
    assert True is Study("s", "s", prior_images=["p.png"]).has_prior


@pytest.mark.parametrize(
    ("reference", "section", "expected"),
    [
        ({"findings": "A."}, "findings", ["A."]),
        ({"findings": ""}, "findings", [""]),
        ({"findings": ["A.", "B."]}, "findings", ["A.", "B."]),
        ({"findings": "A.", "impression": "B."}, "findings+impression", ["A. B."]),
        ({"findings": "A.", "impression": "B."}, "impression+findings", ["B. A."]),
        ({"findings": "", "impression": "B."}, "findings+impression", ["B."]),
        (
            {"findings": ["A.", "C."], "impression": ["B.", ""]},
            "findings+impression",
            ["A. B.", "C."],
        ),
        ({"reference": "R."}, "findings", ["R."]),
        ({"reference": "R.", "findings": "A."}, "findings", ["A."]),
        ({"answer": "yes"}, "answer", ["yes"]),
    ],
)
def test_the_section_asked_for_is_returned(
    reference: dict[str, object], section: str, expected: list[str]
) -> None:
    assert expected == _study(**reference).reference_texts(section)


@pytest.mark.parametrize(
    ("reference", "section", "message"),
    [
        ({}, "findings", "a.jsonl line 7 (study 's1') has no findings. Add the findings of"),
        (
            {"impression": "B."},
            "findings",
            "has no findings. Add it (an empty text if the report has none), or choose "
            "--section impression.",
        ),
        ({"findings": "A."}, "findings+impression", "has no impression. Add it"),
        ({"reference": "R."}, "findings+impression", "has no findings. Add it"),
        ({"findings": []}, "findings", "has an empty list of references for findings. Give one."),
        (
            {"findings": ["A.", "C."], "impression": "B."},
            "findings+impression",
            "has 2 and 1 references for the sections of 'findings+impression'. Give equally many",
        ),
    ],
)
def test_a_section_that_is_not_there_is_an_error_with_its_place(
    reference: dict[str, object], section: str, message: str
) -> None:
    with pytest.raises(InputError) as caught:
        _study(**reference).reference_texts(section)
    assert message in str(caught.value)
