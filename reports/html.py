"""The report as one HTML page that needs nothing else and asks nobody for anything."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from reports.conditions_section import conditions_view
from reports.leaderboard_section import leaderboard
from reports.number_format import count, share
from reports.performance_section import performance_table
from reports.prior_section import prior_view
from reports.ranking import ALPHA
from reports.report_data import ReportData
from reports.run_card import how_scored, soundness
from reports.significance_section import significance
from reports.slices_section import slice_tables
from reports.studies_browser import studies_json
from reports.temporal_section import temporal_view
from reports.text_safety import visible

_BETWEEN_PARTS = re.compile(r"(?<=[_/|])(?=.)|(?<=.)(?=@)", re.DOTALL)
_TEMPLATES = Path(__file__).parent / "templates"


def render_report(data: ReportData) -> str:
    """Return ``report.html``; equal data gives equal bytes.

    The page carries a content security policy that allows its own style and scripts, by their
    hashes, and images from data URIs; everything else, the network first, is forbidden.

    Raises
    ------
    InputError
        If the studies cannot be shown (see ``studies_json``).
    """
    style = _asset("report.css")
    scripts = [_asset("tables.js"), _asset("studies.js")]
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            data=data,
            style=Markup(style),  # noqa: S704 - our own file
            scripts=[Markup(script) for script in scripts],  # noqa: S704 - our own files
            style_hash=_csp_hash(style),
            script_hashes=" ".join(f"'{_csp_hash(script)}'" for script in scripts),
            soundness=soundness(data),
            how_scored=how_scored(data),
            board=leaderboard(data),
            matrices=significance(data),
            slices=slice_tables(data),
            temporal=temporal_view(data),
            conditions=conditions_view(data),
            prior=prior_view(data),
            performance=performance_table(data),
            studies_json=Markup(studies_json(data)),  # noqa: S704 - escaped there
            alpha=ALPHA,
        )
    )


def breakable(name: str) -> Markup:
    """Return a name that may break after ``_``, ``/`` and ``|`` and before ``@``.

    Elsewhere it breaks only where a part alone is wider than its place.

    >>> print(breakable("bleu_4@dummy"))
    bleu_<wbr>4<wbr>@dummy
    """
    return Markup("<wbr>").join(_BETWEEN_PARTS.split(visible(name)))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(count=count, share=share, breakable=breakable)
    return environment


def _finalize(value: object) -> object:
    is_text = isinstance(value, str) and not isinstance(value, Markup)
    return visible(str(value)) if is_text else value


@cache
def _asset(name: str) -> str:
    # leading and trailing line breaks belong to the element's text, and so to its hash
    return (_TEMPLATES / name).read_text("utf-8")


def _csp_hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
