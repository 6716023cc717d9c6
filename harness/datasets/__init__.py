"""Files of studies and predictions, in the formats that people have."""

from harness.datasets.predictions import PredictionFile, read_predictions
from harness.datasets.studies import write_studies
from harness.datasets.study_set import StudySet, read_studies

__all__ = [
    "PredictionFile",
    "StudySet",
    "read_predictions",
    "read_studies",
    "write_studies",
]
