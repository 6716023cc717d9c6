"""`weights`, `cache` and what `doctor` says of weights."""

from __future__ import annotations

import json
import shutil
import stat
import tarfile
from pathlib import Path

import pytest

from models.hub import ALIASES
from tests.cli.conftest import Run
from tests.cli.weights_places import SMALL, nothing_here, small_weights
from tests.cli.workplace import Workplace, command

__all__ = ["nothing_here", "small_weights"]


def test_one_table_has_the_weights_of_metrics_and_models(run: Run, small_weights: Path) -> None:
    rows = {row["name"]: row for row in json.loads(run("weights", "list", "--json").out)}
    assert {"radgraph", "chexbert", "biolord", *ALIASES, "microsoft/rad-dino"} <= rows.keys()
    assert str(small_weights / "chexbert.pth") == rows["chexbert"]["place"]
    assert rows["biolord"]["place"] is None
    for row in rows.values():
        assert all(row[key] for key in ("page", "licence", "size", "unlocks", "download"))
    table = run("weights", "list")
    assert 0 == table.status
    assert all(name in table.out for name in rows)


def test_import_puts_a_file_where_it_belongs(run: Run, nothing_here: Path) -> None:
    ended = run("weights", "import", SMALL["chexbert.pth"])
    assert 0 == ended.status, ended.err
    assert f"chexbert: {nothing_here / 'chexbert.pth'}\n" in ended.out
    ended = run("weights", "import", SMALL["pubmedbert"], "--as", "pubmedbert", "--json")
    assert str(nothing_here / "pubmedbert") == json.loads(ended.out)["place"]


def test_import_ends_in_one_message(run: Run, nothing_here: Path, tmp_path: Path) -> None:
    (tmp_path / "chexbert.pth").write_bytes(b"nothing")
    ended = run("weights", "import", tmp_path / "chexbert.pth")
    assert 2 == ended.status
    assert "is no checkpoint that torch saved" in ended.err
    assert 2 == run("weights", "import", tmp_path / "absent").status
    assert [] == list(nothing_here.iterdir())


def test_verify_loads_what_is_here(run: Run, small_weights: Path) -> None:
    ended = run("weights", "verify", "radgraph", "chexbert", "--json")
    assert 0 == ended.status, ended.err
    assert ["ok", "ok"] == [row["state"] for row in json.loads(ended.out)]


def test_verify_ends_with_3_if_named_weights_are_missing(run: Run, small_weights: Path) -> None:
    assert 3 == run("weights", "verify", "chexbert", "biolord").status
    ended = run("weights", "verify")
    assert 0 == ended.status
    assert "`hf download FremyCompany/BioLORD-2023-C`" in ended.out


def test_verify_ends_with_2_if_weights_are_broken(run: Run, small_weights: Path) -> None:
    shutil.rmtree(small_weights / "bert-base")
    shutil.copytree(SMALL["pubmedbert"], small_weights / "bert-base")
    ended = run("weights", "verify", "chexbert")
    assert 2 == ended.status
    assert "word_embeddings.weight: expected" in ended.out
    assert 2 == run("weights", "verify", "nothing").status


def test_doctor_lists_weights_without_requiring_them(run: Run, nothing_here: Path) -> None:
    ended = run("doctor", "--json")
    assert 0 == ended.status
    found = {check["what"]: check for check in json.loads(ended.out)}
    chexbert = found["weights chexbert"]
    assert ("not here", False) == (chexbert["state"], chexbert["required"])
    assert "hf download StanfordAIMI/RRG_scorers chexbert.pth" in chexbert["mend"]


@pytest.fixture
def annotated(place: Workplace, run: Run, small_weights: Path) -> Workplace:
    ended = run(*place.score("--metrics", "semb_score,radgraph_partial", systems=("a",)))
    assert 0 == ended.status, ended.err
    return place


def test_info_counts_the_annotations(run: Run, annotated: Workplace, tmp_path: Path) -> None:
    found = json.loads(run("cache", "info", "--json").out)
    assert str(tmp_path / "cache" / "annotations.sqlite3") == found["path"]
    assert ["chexbert", "radgraph"] == [one["annotator"] for one in found["annotators"]]
    lines = (annotated.system("a"), annotated.refs)
    records = [json.loads(line) for path in lines for line in path.read_text().splitlines()]
    texts = {r.get("prediction") or r["reference"]["findings"] for r in records}
    assert [len(texts)] * 2 == [one["annotations"] for one in found["annotators"]]
    assert f"{len(texts)}" in run("cache", "info").out


def test_export_writes_annotations_as_readable_json(run: Run, annotated: Workplace) -> None:
    ended = run("cache", "export", "all.jsonl")
    assert 0 == ended.status, ended.err
    assert 0o600 == stat.S_IMODE(Path("all.jsonl").stat().st_mode)
    rows = [json.loads(line) for line in Path("all.jsonl").read_text().splitlines()]
    chexbert = next(row for row in rows if row["signature"].startswith("chexbert|"))
    assert 14 == len(chexbert["annotation"]["labels"])
    radgraph = next(row for row in rows if row["signature"].startswith("radgraph|"))
    assert "entities" in radgraph["annotation"]
    assert 64 == len(radgraph["sha256"])
    assert [row["signature"] for row in rows] == sorted(row["signature"] for row in rows)


def test_clearing_one_annotator_leaves_the_other(run: Run, annotated: Workplace) -> None:
    assert 2 == run("cache", "clear").status
    ended = run("cache", "clear", "--annotator", "radgraf", "--yes")
    assert 2 == ended.status
    assert "'radgraph'" in ended.err
    assert 0 == run("cache", "clear", "--annotator", "radgraph", "--yes").status
    found = json.loads(run("cache", "info", "--json").out)
    assert ["chexbert"] == [one["annotator"] for one in found["annotators"]]
    assert 0 == run("cache", "clear", "--yes").status
    assert [] == json.loads(run("cache", "info", "--json").out)["annotators"]


def test_an_empty_cache_is_no_error(run: Run, nothing_here: Path, tmp_path: Path) -> None:
    assert {"removed": 0} == json.loads(run("cache", "clear", "--json").out)
    assert 0 == run("cache", "info").status
    assert 0 == run("cache", "export", tmp_path / "none.jsonl").status
    assert "" == (tmp_path / "none.jsonl").read_text()
    assert 2 == run("cache", "export", tmp_path / "absent" / "none.jsonl").status


def test_an_export_replaces_an_earlier_one_and_nothing_else(
    run: Run, nothing_here: Path, tmp_path: Path
) -> None:
    from metrics.cache import AnnotationCache

    AnnotationCache().put("another|v:1", {"text": b"1"})
    file = tmp_path / "all.jsonl"
    assert 0 == run("cache", "export", file).status
    AnnotationCache().put("another|v:1", {"more": b"2"})
    assert 0 == run("cache", "export", file).status
    assert 2 == len(file.read_text().splitlines())
    own = tmp_path / "studies.jsonl"
    own.write_text('{"study_id": "s"}')
    for path in (own, tmp_path, "/dev/full"):
        ended = run("cache", "export", path)
        assert 2 == ended.status
        assert "is no export of the cache" in ended.err
    assert '{"study_id": "s"}' == own.read_text()


def test_verdicts_of_judges_are_exported_as_their_answers(
    run: Run, nothing_here: Path, tmp_path: Path
) -> None:
    from metrics.cache import AnnotationCache
    from metrics.judges.judge import Answer, Judge

    signature = f"green|judge:model+prompt@abc|v:{Judge.version}"
    AnnotationCache().put(signature, {"pair": Judge.encode(Answer("[Explanation]: none", None))})
    assert 0 == run("cache", "export", tmp_path / "all.jsonl").status
    (row,) = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()]
    assert {"text": "[Explanation]: none", "problem": None} == row["annotation"]


def test_what_no_annotator_can_read_is_exported_as_it_is(
    run: Run, nothing_here: Path, tmp_path: Path
) -> None:
    from metrics.cache import AnnotationCache

    AnnotationCache().put("another|v:1", {"text": b"\x00\xff"})
    AnnotationCache().put("chexbert|v:0", {"text": b"\x01"})
    assert 0 == run("cache", "export", tmp_path / "all.jsonl").status
    rows = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()]
    assert ["AP8=", "AQ=="] == [row["base64"] for row in rows]


def test_a_damaged_cache_is_one_line_on_stderr(
    annotated: Workplace, small_weights: Path, tmp_path: Path
) -> None:
    (tmp_path / "cache" / "annotations.sqlite3").write_bytes(b"no database" * 100)
    ended = command("cache", "info", cwd=annotated.folder)
    assert 0 == ended.returncode
    (line,) = ended.stderr.splitlines()
    assert line.startswith("Warning: The annotation cache ")


def test_a_hostile_archive_in_the_weights_folder_ends_in_one_message(
    place: Workplace, run: Run, small_weights: Path
) -> None:
    with tarfile.open(small_weights / "radgraph.tar.gz", "w:gz") as archive:
        link = tarfile.TarInfo("config.json")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    ended = run(*place.score("--metrics", "bleu4,radgraph_partial"))
    assert 2 == ended.status
    assert "holds a link, a device or a path that leads out of it" in ended.err
    assert "Traceback" not in ended.err
