"""RaTEScore: entities of reports, and how near those of one are to those of the other."""

from metrics.annotators.ratescore.annotator import RaTEScoreAnnotator
from metrics.annotators.ratescore.encoder import EntityEncoder
from metrics.annotators.ratescore.recognizer import EntityRecognizer

__all__ = ["EntityEncoder", "EntityRecognizer", "RaTEScoreAnnotator"]
