import gzip
import io
import json
import pickle
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from metrics.annotators import RadGraphAnnotator
from metrics.annotators.radgraph import archive as archives
from metrics.errors import InputError, MissingError
from tests.metrics.annotators.test_radgraph import GOLDEN, unpacked

OFFICIAL = GOLDEN / "radgraph" / "radgraph.tar.gz"


def archive_with(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    """Write the official archive with more members."""
    with tarfile.open(OFFICIAL) as old, tarfile.open(path, "w:gz") as new:
        for member in old:
            new.addfile(member, old.extractfile(member) if member.isreg() else None)
        for member, content in members:
            member.size = len(content)
            new.addfile(member, io.BytesIO(content))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize(
    "hostile",
    [
        member("../outside.txt"),
        member("vocabulary/../../outside.txt"),
        member("/tmp/outside.txt"),
        member("..\\outside.txt"),
        member("link", tarfile.SYMTYPE, "/etc/passwd"),
        member("link", tarfile.LNKTYPE, "config.json"),
        member("pipe", tarfile.FIFOTYPE),
        member("device", tarfile.CHRTYPE),
    ],
    ids=lambda info: f"{info.name}-{info.type.decode()}",
)
def test_paths_that_lead_out_links_and_devices_are_refused(
    tmp_path: Path, hostile: tarfile.TarInfo
) -> None:
    path = archive_with(tmp_path / "radgraph.tar.gz", (hostile, b""))
    with pytest.raises(InputError, match="link, a device or a path"):
        RadGraphAnnotator.load(path, GOLDEN / "radgraph" / "tiny-encoder")
    assert [path] == list(tmp_path.iterdir())


def test_an_archive_that_grows_a_hundredfold_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "radgraph.tar.gz"
    with gzip.open(path, "wb", 1) as file:
        bomb = member("weights.th")
        bomb.size = 200 << 20
        file.write(bomb.tobuf())
    with pytest.raises(InputError, match="would unpack to more"):
        RadGraphAnnotator.load(path)


def test_too_many_members_are_refused(tmp_path: Path) -> None:
    many = [(member(f"{i}.txt"), b"") for i in range(archives.MAX_MEMBERS)]
    path = archive_with(tmp_path / "radgraph.tar.gz", *many)
    with pytest.raises(InputError, match="would unpack to more"):
        RadGraphAnnotator.load(path)


def test_a_header_that_claims_gigabytes_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "radgraph.tar.gz"
    header = member("x", tarfile.XHDTYPE)
    header.size = 3 << 30
    with gzip.open(path, "wb") as file:
        file.write(header.tobuf(tarfile.USTAR_FORMAT) + bytes(1024))
    with pytest.raises(InputError, match="no readable tar"):
        RadGraphAnnotator.load(path)


@pytest.mark.parametrize(
    "content",
    [b"", b"not an archive", OFFICIAL.read_bytes()[:100_000], gzip.compress(b"x" * 2000)],
    ids=["empty", "text", "cut short", "no tar"],
)
def test_damaged_archives_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "radgraph.tar.gz"
    path.write_bytes(content)
    with pytest.raises(InputError):
        RadGraphAnnotator.load(path)


def test_a_missing_archive_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"nowhere\.tar\.gz is not there"):
        RadGraphAnnotator.load(tmp_path / "nowhere.tar.gz")


class _Hostile:
    def __reduce__(self) -> Any:
        return (Path.touch, (Path("was_here"),))


def test_a_pickle_with_code_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = unpacked("radgraph", tmp_path)
    (folder / "weights.th").write_bytes(pickle.dumps({"x": _Hostile()}))
    with pytest.raises(InputError, match="would run code"):
        RadGraphAnnotator.load(folder)
    assert not Path("was_here").exists()


def changed_weights(change: Callable[[dict[str, torch.Tensor]], Any], folder: Path) -> None:
    weights = torch.load(folder / "weights.th", weights_only=True)
    change(weights)
    torch.save(weights, folder / "weights.th")


def test_weights_that_do_not_fit_are_listed(tmp_path: Path) -> None:
    folder = unpacked("radgraph", tmp_path)

    def change(weights: dict[str, torch.Tensor]) -> None:
        scorer = "_relation._relation_scorers.radgraph__relation_labels"
        del weights[f"{scorer}.bias"]
        weights[f"{scorer}.weight"] = torch.zeros(2, 150)
        weights["_other.weight"] = torch.zeros(3)

    changed_weights(change, folder)
    with pytest.raises(InputError) as error:
        RadGraphAnnotator.load(folder)
    for line in (
        r"_other.weight: unexpected (3,)",
        r"  _relation._relation_scorers.radgraph__relation_labels.bias: missing (3,)",
        r"  _relation._relation_scorers.radgraph__relation_labels.weight: expected (3, 150), found",
    ):
        assert line in str(error.value)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_weight_that_is_no_finite_number_is_named(tmp_path: Path, value: float) -> None:
    folder = unpacked("radgraph", tmp_path)
    name = "_relation._relation_scorers.radgraph__relation_labels.weight"
    changed_weights(lambda weights: weights[name][0].fill_(value), folder)
    with pytest.raises(InputError, match=rf"weights\.th are damaged: {name} holds"):
        RadGraphAnnotator.load(folder)


def test_an_encoder_with_a_cut_vocabulary_is_refused(tmp_path: Path) -> None:
    folder = unpacked("radgraph", tmp_path)
    encoder = shutil.copytree(folder.parent / "tiny-encoder", tmp_path / "cut")
    lines = (encoder / "vocab.txt").read_text("utf-8").splitlines()
    (encoder / "vocab.txt").write_text("\n".join(lines[:-7]) + "\n", "utf-8")
    told = rf"vocab\.txt has {len(lines) - 7} lines and config\.json says {len(lines)}"
    with pytest.raises(InputError, match=told):
        RadGraphAnnotator.load(folder, encoder)


def test_a_buffer_of_older_transformers_is_passed_over(tmp_path: Path) -> None:
    folder = unpacked("radgraph", tmp_path)
    prefix = "_embedder.token_embedder_bert._matched_embedder.transformer_model."
    name = f"{prefix}embeddings.position_ids"
    text = ["Left effusion. Heart is normal."]
    before = RadGraphAnnotator.load(folder).annotate(text)
    changed_weights(lambda weights: weights.update({name: torch.arange(512)[None]}), folder)
    assert before == RadGraphAnnotator.load(folder).annotate(text)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("model.loss_weights.coref", 1, "not supported"),
        ("model.loss_weights.events", 0.5, "not supported"),
        ("model.modules.coref.coref_prop", 2, "not supported"),
        ("model.loss_weights.relation", 0, "without entities or relations"),
        ("model.max_span_width", 4, "is above"),
        ("model.feature_size", "many", "feature_size is 'many'"),
        ("model.feature_size", None, "feature_size is None"),
        ("dataset_reader.token_indexers.bert.max_length", 64, "differs from"),
        ("model.feedforward_params.num_layers", 0, "does not fit together"),
    ],
)
def test_configurations_that_radgraph_has_not_are_refused(
    tmp_path: Path, path: str, value: Any, message: str
) -> None:
    folder = unpacked("radgraph", tmp_path)
    config = json.loads((folder / "config.json").read_text())
    *parents, last = path.split(".")
    inner = config
    for key in parents:
        inner = inner[key]
    inner[last] = value
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match=message):
        RadGraphAnnotator.load(folder)


@pytest.mark.parametrize(
    "name", ["config.json", "vocabulary/radgraph__ner_labels.txt", "weights.th"]
)
def test_a_missing_part_of_the_archive_is_named(tmp_path: Path, name: str) -> None:
    folder = unpacked("radgraph", tmp_path)
    (folder / name).unlink()
    with pytest.raises((InputError, MissingError)):
        RadGraphAnnotator.load(folder)


def test_a_text_beyond_the_encoders_positions_is_refused(tmp_path: Path) -> None:
    folder = unpacked("radgraph", tmp_path)
    config = (folder / "config.json").read_text().replace('"max_length": 512', '"max_length": null')
    (folder / "config.json").write_text(config)
    loaded = RadGraphAnnotator.load(folder)
    with pytest.raises(InputError, match="the encoder takes 512"):
        loaded.annotate(["clear lungs " * 600])


def test_a_tokeniser_of_another_encoder_is_refused(tmp_path: Path) -> None:
    folder = unpacked("radgraph", tmp_path)
    with (tmp_path / "tiny-encoder" / "vocab.txt").open("a") as file:
        file.write("\nanother\n")
    with pytest.raises(InputError, match="Take files that belong together"):
        RadGraphAnnotator.load(folder)


@pytest.mark.parametrize("name", ["config.json", "config.json/below", "vocabulary"])
def test_a_name_that_is_there_twice_is_refused(tmp_path: Path, name: str) -> None:
    path = archive_with(tmp_path / "radgraph.tar.gz", (member(name), b"{}"))
    with pytest.raises(InputError, match="no readable tar"):
        RadGraphAnnotator.load(path)


def test_label_sets_of_other_data_sets_are_passed_over(tmp_path: Path) -> None:
    folder = unpacked("radgraph", tmp_path)
    for path in list((folder / "vocabulary").glob("radgraph__*")):
        shutil.copy(path, path.with_name(path.name.replace("radgraph", "other")))

    def change(weights: dict[str, torch.Tensor]) -> None:
        own = [name for name in weights if "radgraph__" in name]
        weights.update({name.replace("radgraph__", "other__"): weights[name] for name in own})

    changed_weights(change, folder)
    RadGraphAnnotator.load(folder)
    with pytest.raises(InputError, match="2 pairs of label files"):
        RadGraphAnnotator.load(folder.rename(tmp_path / "unknown"))
