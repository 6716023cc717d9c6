import numpy as np

from metrics.conditions import CONDITIONS, FIVE, is_abnormal, is_present


def test_the_five_conditions_are_the_published_ones() -> None:
    five = ["Cardiomegaly", "Edema", "Consolidation", "Atelectasis", "Pleural Effusion"]
    assert five == [CONDITIONS[i] for i in FIVE]


def test_positive_and_uncertain_count_as_present() -> None:
    assert [False, True, False, True] == is_present([0, 1, 2, 3]).tolist()
    assert [False, True, False, False] == is_present([0, 1, 2, 3], uncertain=False).tolist()


def test_a_report_is_abnormal_unless_it_is_labelled_no_finding() -> None:
    labels = np.zeros((3, 14), np.int8)
    labels[0, 1] = 1
    labels[1, 13] = 1
    assert [True, False, True] == is_abnormal(labels).tolist()
    assert not is_abnormal(labels[1])
