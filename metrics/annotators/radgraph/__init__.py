"""RadGraph: entities and relations of radiology reports, from the official archives."""

from metrics.annotators.radgraph.annotator import RadGraphAnnotator

__all__ = ["RadGraphAnnotator"]
