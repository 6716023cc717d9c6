"""The documentation says what the program does: examples run, links lead somewhere."""

from __future__ import annotations

import doctest
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import metrics
from harness.datasets.source import Source
from harness.slices import DEFAULT_SLICES
from harness.spec import bundled_benchmarks
from metrics.protocols import PROTOCOLS
from metrics.registry import ENTRIES
from models.adapter import Request

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("docs", "metrics", "models", "reports", "harness", "benchmarks", "tests", "tools")
PAGES = sorted(
    [*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md"))]
)
EXAMPLES = [
    ROOT / "README.md",
    *(ROOT / "docs" / f"{name}.md" for name in ("python", "add_a_metric", "add_a_dataset")),
]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(path: Path, language: str = "python") -> list[str]:
    found = FENCE.findall(path.read_text(encoding="utf-8"))
    return [code for kind, code in found if kind == language]


def links(path: Path) -> Iterator[tuple[str, str]]:
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    for target in LINK.findall(text):
        if not target.startswith(("http://", "https://", "mailto:")):
            file, _, anchor = target.partition("#")
            yield file, anchor


def anchors(path: Path) -> set[str]:
    """Return the anchors of a page's headings, as mkdocs and GitHub agree on them."""
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def run_examples(path: Path) -> dict[str, object]:
    """Run a page's Python blocks in one namespace, as a reader would; return the namespace."""
    namespace: dict[str, object] = {"__name__": "page"}
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for position, code in enumerate(blocks(path)):
        if ">>>" not in code:
            source = f"{name(path)} block {position}"
            exec(compile(code, source, "exec", dont_inherit=True), namespace)
            continue
        test = doctest.DocTestParser().get_doctest(code, namespace, name(path), name(path), 0)
        report: list[str] = []
        runner.run(test, out=report.append, clear_globs=False)
        namespace.update(test.globs)
        assert "" == "".join(report)
    return namespace


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_relative_links_lead_to_files_and_headings(page: Path) -> None:
    for file, anchor in links(page):
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), f"{name(page)} links to {file}, which is not there"
        assert target.is_relative_to(ROOT), f"{name(page)} links out of the repository"
        if anchor:
            assert anchor in anchors(target), f"{name(page)} links to {file}#{anchor}"


@pytest.mark.parametrize("page", EXAMPLES, ids=name)
def test_python_examples_do_what_the_page_says(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert blocks(page)
    monkeypatch.chdir(tmp_path)
    run_examples(page)


def test_the_example_adapter_answers_every_request() -> None:
    found = run_examples(ROOT / "docs" / "add_a_model.md")
    adapter = found["LowerLungs"].from_settings({"threshold": 100.0})  # type: ignore[attr-defined]
    assert ["error"] == [g.finish_reason for g in adapter.generate([Request("s1")])]


def test_the_example_reader_reads_what_its_page_describes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    read = run_examples(ROOT / "docs" / "add_a_dataset.md")["read"]
    file = tmp_path / "reports.txt"
    file.write_text("s1 p1\nNo effusion.\n\ns2 p1\nThe effusion\nis larger.\n", encoding="utf-8")
    studies = list(read(Source(file)))  # type: ignore[operator]
    assert [("s1", "p1", 1), ("s2", "p1", 4)] == [
        (study.study_id, study.subject_id, study.line) for study in studies
    ]
    assert ["The effusion is larger."] == studies[1].reference_texts("findings")


def test_every_public_name_of_metrics_is_on_the_python_page() -> None:
    text = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    missing = [one for one in metrics.__all__ if not re.search(rf"\b{one}\b", text)]
    assert [] == missing


def test_the_command_line_page_lists_the_options_that_there_are() -> None:
    script = ROOT / "tools" / "write_command_line_docs.py"
    done = subprocess.run(
        [sys.executable, str(script), "--check"], capture_output=True, text=True, cwd=ROOT
    )
    assert (0, "") == (done.returncode, done.stderr)


def test_every_protocol_has_a_section() -> None:
    headings = anchors(ROOT / "docs" / "protocols.md")
    assert [] == [protocol for protocol in PROTOCOLS if protocol not in headings]


def test_every_output_of_every_metric_is_in_the_docs() -> None:
    pages = sorted((ROOT / "docs" / "metrics").glob("*.md"))
    text = "".join(page.read_text(encoding="utf-8") for page in pages)
    text = text.replace("`bleu1` … `bleu4`", "`bleu1` `bleu2` `bleu3` `bleu4`")
    for metric, entry in ENTRIES.items():
        # the temporal page writes `_recall` for a member of a family named in the same row
        written = [(f"`{output}`", f"`{output.removeprefix(metric)}`") for output in entry.outputs]
        assert all(long in text or short in text for long, short in written), metric


def test_the_navigation_holds_every_page() -> None:
    configured = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    listed = set(re.findall(r"[\w/-]+\.md", str(configured["nav"])))
    there = {str(p.relative_to(ROOT / "docs")) for p in (ROOT / "docs").rglob("*.md")}
    assert there == listed


def test_benchmark_keys_on_their_page_are_those_of_the_files() -> None:
    text = (ROOT / "docs" / "benchmark_files.md").read_text(encoding="utf-8")
    for file in bundled_benchmarks():
        for key in yaml.safe_load(file.read_text(encoding="utf-8")):
            assert f"`{key}" in text, f"{file.name} has the key {key}"
    assert all(f"`{one}`" in text for one in DEFAULT_SLICES)
