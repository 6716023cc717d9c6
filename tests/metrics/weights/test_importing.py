"""Importing weights: to their place, whole and checked, and nothing of a hostile file."""

from __future__ import annotations

import gzip
import io
import pickle
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from metrics.errors import InputError
from metrics.weights import import_weights, locate, verify

GOLDEN = Path(__file__).parents[2] / "golden"
ARCHIVE = GOLDEN / "radgraph" / "radgraph" / "radgraph.tar.gz"
ENCODER = ARCHIVE.parent / "tiny-encoder"
CHEXBERT = GOLDEN / "chexbert" / "chexbert.pth"
BERT = CHEXBERT.parent / "bert-base-uncased"
NER = GOLDEN / "ratescore" / "Angelakeke" / "RaTE-NER-Deberta"


def _files(folder: Path) -> set[str]:
    return {str(f.relative_to(folder)) for f in folder.rglob("*") if f.name != "hashes.json"}


@pytest.mark.parametrize(
    ("path", "name", "told"),
    [
        (ARCHIVE, "radgraph", "radgraph"),
        (ENCODER, "pubmedbert", ""),
        (CHEXBERT, "chexbert", "chexbert"),
        (BERT, "bert-base", "bert-base"),
        (NER, "rate-ner", "rate-ner"),
    ],
)
def test_what_was_imported_is_found(path: Path, name: str, told: str, weights_folder: Path) -> None:
    wanted, place = import_weights(path, None if told else name)
    assert name == wanted.name
    assert weights_folder == place.parent
    assert place == locate(name)
    assert not list(weights_folder.glob(".*"))


def test_only_files_that_count_are_copied(tmp_path: Path, weights_folder: Path) -> None:
    given = shutil.copytree(ENCODER, tmp_path / "given")
    (given / "README.md").touch()
    (given / "modeling.py").write_text("raise SystemExit")
    (given / "pytorch_model.bin").touch()
    (given / ".git").mkdir()
    (given / "linked").symlink_to("/etc/passwd")
    import_weights(given, "pubmedbert")
    names = {"pubmedbert", *(f"pubmedbert/{file.name}" for file in ENCODER.iterdir())}
    assert names == _files(weights_folder)


def test_an_unpacked_archive_is_as_good(tmp_path: Path) -> None:
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path / "radgraph", filter="data")
    _, place = import_weights(tmp_path / "radgraph")
    assert place == locate("radgraph")
    assert (place / "vocabulary" / "radgraph__ner_labels.txt").is_file()


def test_importing_again_replaces_what_was_there(weights_folder: Path) -> None:
    import_weights(BERT)
    (weights_folder / "bert-base" / "old.txt").touch()
    import_weights(BERT)
    assert not (weights_folder / "bert-base" / "old.txt").exists()
    _, place = import_weights(CHEXBERT)
    assert (CHEXBERT, place) == (CHEXBERT, import_weights(place)[1])
    assert CHEXBERT.read_bytes() == place.read_bytes()


def test_a_checkpoint_in_torchs_old_format_is_accepted(tmp_path: Path) -> None:
    content = torch.load(CHEXBERT, weights_only=True)
    torch.save(content, tmp_path / "chexbert.pth", _use_new_zipfile_serialization=False)
    _, place = import_weights(tmp_path / "chexbert.pth")
    import_weights(BERT)
    assert (tmp_path / "chexbert.pth").read_bytes() == place.read_bytes()
    assert ["ok"] == [one.state for one in verify(["chexbert"])]


def test_weights_that_do_not_fit_their_encoder_are_not_copied(weights_folder: Path) -> None:
    import_weights(CHEXBERT)
    with pytest.raises(InputError, match="do not fit the model"):
        import_weights(ENCODER, "bert-base")
    assert {"chexbert.pth"} == _files(weights_folder)


class _Runs:
    def __reduce__(self) -> tuple[Callable[..., None], tuple[str, ...]]:
        return (exec, ("import pathlib; pathlib.Path('ran').touch()",))


def _packed(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for member, content in members:
            member.size = len(content) if member.isreg() else 0
            archive.addfile(member, io.BytesIO(content))
    return path


def _member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type, found.linkname = kind, link
    return found


def _official() -> list[tuple[tarfile.TarInfo, bytes]]:
    found = []
    with tarfile.open(ARCHIVE) as archive:
        for member in archive:
            content = archive.extractfile(member)
            found.append((member, content.read() if content else b""))
    return found


HOSTILE = {
    "a path upwards": _member("../../escaped"),
    "a path upwards within": _member("vocabulary/../../escaped"),
    "an absolute path": _member("/tmp/escaped-from-an-archive"),
    "a symbolic link": _member("link", tarfile.SYMTYPE, "/etc"),
    "a hard link": _member("link", tarfile.LNKTYPE, "/etc/passwd"),
    "a device": _member("device", tarfile.CHRTYPE),
    "a pipe": _member("pipe", tarfile.FIFOTYPE),
    "a file twice": _member("config.json"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_archive_ends_in_one_error(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weights_folder: Path
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    given = _packed(tmp_path / "radgraph.tar.gz", *_official(), (HOSTILE[what], b"content"))
    before = _files(tmp_path)
    with pytest.raises(InputError):
        import_weights(given)
    assert before == _files(tmp_path)
    assert not Path("/tmp/escaped-from-an-archive").exists()


def test_a_bomb_ends_in_one_error_before_it_fills_the_disk(tmp_path: Path) -> None:
    bomb = tmp_path / "radgraph.tar.gz"
    with gzip.open(bomb, "wb", 1) as file:
        member = _member("weights.th")
        member.size = 200 << 20
        file.write(member.tobuf())
        for _ in range(200):
            file.write(bytes(1 << 20))
    with pytest.raises(InputError, match="would unpack to more"):
        import_weights(bomb)


@pytest.mark.parametrize("name", ["radgraph", "chexbert"])
def test_a_pickle_with_code_is_refused_and_does_not_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weights_folder: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"weight": _Runs()}, tmp_path / "weights.th")
    content = (tmp_path / "weights.th").read_bytes()
    given = tmp_path / "given"
    if name == "radgraph":
        members = [(m, content if m.name == "weights.th" else old) for m, old in _official()]
        _packed(given, *members)
    else:
        given.write_bytes(content)
    with pytest.raises(InputError, match="would run code when loaded"):
        import_weights(given, name)
    assert not (tmp_path / "ran").exists()
    assert set() == _files(weights_folder)


def _plain_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps(_Runs()))


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("something", "else")


def _truncated(path: Path) -> None:
    path.write_bytes(CHEXBERT.read_bytes()[:100_000])


@pytest.mark.parametrize("make", [_plain_pickle, _zip, _truncated, Path.touch, Path.mkdir])
def test_what_is_no_checkpoint_is_refused(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path / "chexbert.pth")
    with pytest.raises(InputError, match=r"chexbert\.pth"):
        import_weights(tmp_path / "chexbert.pth")
    assert not Path("ran").exists()


@pytest.mark.parametrize(
    "content", [b"", b"text", gzip.compress(b"text", mtime=0), ARCHIVE.read_bytes()[:-9000]]
)
def test_what_is_no_archive_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "radgraph.tar.gz").write_bytes(content)
    with pytest.raises(InputError, match=r"radgraph\.tar\.gz"):
        import_weights(tmp_path / "radgraph.tar.gz")


def test_an_archive_of_another_model_is_refused() -> None:
    other = GOLDEN / "radgraph" / "radgraph-xl" / "radgraph-xl.tar.gz"
    with pytest.raises(InputError, match="is an archive of radgraph-xl, not of radgraph"):
        import_weights(other, "radgraph")


@pytest.mark.parametrize("lacks", ["config.json", "vocab.txt"])
def test_a_folder_that_lacks_files_is_refused(lacks: str, tmp_path: Path) -> None:
    given = shutil.copytree(ENCODER, tmp_path / "given")
    (given / lacks).unlink()
    with pytest.raises(InputError, match=lacks):
        import_weights(given, "pubmedbert")


def test_names_that_cannot_be_told_are_errors(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").touch()
    with pytest.raises(InputError, match="Say which it is with --as: radgraph, pubmedbert"):
        import_weights(tmp_path / "weights.bin")
    with pytest.raises(InputError, match="Unknown weights 'nothing'"):
        import_weights(tmp_path / "weights.bin", "nothing")
    with pytest.raises(InputError, match="is no file or folder"):
        import_weights(tmp_path / "absent")


def test_a_folder_that_cannot_be_written_is_an_input_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CXR_HARNESS_WEIGHTS", "/proc/nowhere")
    with pytest.raises(InputError, match=r"cannot be copied to /proc/nowhere.*CXR_HARNESS_WEIGHTS"):
        import_weights(CHEXBERT)


def test_imported_files_are_plain_files(tmp_path: Path) -> None:
    (tmp_path / "chexbert.pth").symlink_to(CHEXBERT)
    _, place = import_weights(tmp_path / "chexbert.pth")
    assert stat.S_ISREG(place.lstat().st_mode)


def test_a_folder_of_another_kind_of_model_is_refused(weights_folder: Path) -> None:
    distilbert = GOLDEN / "bertscore" / "tiny-distilbert"
    told = "not distilroberta-base: its config.json is of a distilbert model, not of roberta"
    with pytest.raises(InputError, match=told):
        import_weights(distilbert, "distilroberta-base")
    assert not weights_folder.exists() or not _files(weights_folder)
    _, place = import_weights(distilbert, "distilbert-base-uncased")
    [found] = verify(["distilbert-base-uncased"])
    assert "ok" == found.state
    place.rename(weights_folder / "distilroberta-base")
    [found] = verify(["distilroberta-base"])
    assert ("broken", True) == (found.state, told in found.detail)
