"""From studies to what a model is asked, under each way of treating the prior."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from harness.shuffled_priors import shuffled_priors
from harness.study import Study
from models.adapter import Prior, Request


def build_requests(
    studies: Sequence[Study],
    prior: Prior,
    seed: int,
    images: Path | None = None,
    section: str = "findings",
) -> list[Request]:
    """Return one request per study, in order.

    Parameters
    ----------
    studies
        The studies to ask about.
    prior
        ``real``: the study's own prior; ``shuffled``: another patient's where the study has one;
        ``dummy`` and ``none``: no prior image and no prior report.
    seed
        Decides who is given whose prior when they are shuffled.
    images
        The folder that image paths are relative to; None leaves them as they are.
    section
        What the report is asked for, as the benchmark's data name it.
    """
    donor_of = _donors(studies, prior, seed)
    return [_request(study, donor_of(study), prior, images, section) for study in studies]


def _donors(studies: Sequence[Study], prior: Prior, seed: int) -> Callable[[Study], Study | None]:
    if prior == "real":
        return lambda study: study
    donors: Mapping[str, Study] = {}
    if prior == "shuffled":
        donors = shuffled_priors(studies, np.random.default_rng(seed))
    return lambda study: donors.get(study.sample_id)


def _request(
    study: Study, donor: Study | None, prior: Prior, images: Path | None, section: str
) -> Request:
    prior_images = (donor.prior_images or ()) if donor else ()
    return Request(
        sample_id=study.sample_id,
        current_image=_located(study.current_image, images),
        prior_image=_located(prior_images[0], images) if prior_images else None,
        images=tuple(_placed(image, images) for image in study.images),
        views=tuple(study.image_views),
        section=section,
        context=dict(study.context),
        prior_report=donor.prior_report if donor else None,
        question=study.question,
        prior=prior,
    )


def _located(image: str | None, folder: Path | None) -> Path | None:
    return None if image is None else _placed(image, folder)


def _placed(image: str, folder: Path | None) -> Path:
    return Path(image) if folder is None else folder / image
