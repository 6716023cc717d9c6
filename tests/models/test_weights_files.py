"""Weight files: which there are, what is in them, and hashes."""

import hashlib
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from models.errors import InputError, MissingError
from models.weights_files import (
    find_weights,
    hash_weights,
    read_tensors,
    read_weights,
    tensor_shapes,
)

TENSORS = {
    "a": torch.arange(6.0).reshape(2, 3),
    "b": torch.tensor(1.5, dtype=torch.bfloat16),
    "c": torch.zeros(0, 4, dtype=torch.int8),
}
SHAPES = {"a": (2, 3), "b": (), "c": (0, 4)}


def safetensors(file: Path) -> Path:
    save_file(TENSORS, file)
    return file


def zipped(file: Path) -> Path:
    torch.save(TENSORS, file)
    return file


def legacy(file: Path) -> Path:
    torch.save(TENSORS, file, _use_new_zipfile_serialization=False)
    return file


@pytest.mark.parametrize(
    ("write", "name"),
    [(safetensors, "m.safetensors"), (zipped, "m.bin"), (legacy, "m.bin"), (zipped, "m.pt")],
)
def test_tensors_and_shapes_are_read_from_every_kind_of_file(
    tmp_path: Path, write: object, name: str
) -> None:
    assert callable(write)
    file = write(tmp_path / name)
    found = read_tensors(file)
    assert sorted(TENSORS) == sorted(found)
    for key, tensor in TENSORS.items():
        assert tensor.dtype == found[key].dtype
        assert torch.equal(tensor, found[key])
    assert SHAPES == dict(sorted(tensor_shapes(file).items()))


@pytest.mark.parametrize("name", ["m.safetensors", "m.bin"])
def test_a_file_that_is_not_there_is_missing(tmp_path: Path, name: str) -> None:
    for read in (read_tensors, tensor_shapes):
        with pytest.raises(MissingError, match=f"no weight file .*{name}"):
            read(tmp_path / name)
    (tmp_path / "folder.bin").mkdir()
    with pytest.raises(MissingError):
        read_tensors(tmp_path / "folder.bin")


@pytest.mark.parametrize("name", ["m.safetensors", "m.bin"])
@pytest.mark.parametrize("content", [b"", b"x", b"\0" * 64, b"\xff" * 64, b"{}", b"PK\x03\x04x"])
def test_a_file_of_something_else_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    for read in (read_tensors, tensor_shapes):
        with pytest.raises(InputError, match=name):
            read(file)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize(("write", "name"), [(safetensors, "m.safetensors"), (zipped, "m.bin")])
def test_a_file_that_was_cut_is_refused(
    tmp_path: Path, write: object, name: str, share: float
) -> None:
    assert callable(write)
    file = write(tmp_path / name)
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    for read in (read_tensors, tensor_shapes):
        with pytest.raises(InputError, match=name):
            read(file)


@pytest.mark.parametrize(
    "content", [[torch.zeros(1)], {"a": 1}, {1: torch.zeros(1)}, {"model": TENSORS}, "words", None]
)
def test_a_pickle_without_a_table_of_tensors_is_refused(tmp_path: Path, content: object) -> None:
    file = tmp_path / "m.bin"
    torch.save(content, file)
    with pytest.raises(InputError, match="holds no table of tensors by name"):
        read_tensors(file)


def test_what_is_changed_in_memory_does_not_reach_the_file(tmp_path: Path) -> None:
    for file in (zipped(tmp_path / "m.bin"), safetensors(tmp_path / "m.safetensors")):
        before = hash_weights([file])
        read_tensors(file)["a"].add_(1)
        assert before == hash_weights([file])
        assert torch.equal(TENSORS["a"], read_tensors(file)["a"])


def index(folder: Path, kind: str, places: dict[str, str]) -> None:
    (folder / f"{kind}.index.json").write_text(json.dumps({"weight_map": places}))


def test_a_single_file_wins_over_an_index_and_safetensors_over_pickles(tmp_path: Path) -> None:
    assert [] == find_weights(tmp_path)
    for number in (2, 1):
        (tmp_path / f"p{number}.bin").touch()
        (tmp_path / f"s{number}.safetensors").touch()
    index(tmp_path, "pytorch_model.bin", {"a": "p2.bin", "b": "p1.bin", "c": "p2.bin"})
    assert ["p2.bin", "p1.bin"] == [file.name for file in find_weights(tmp_path)]
    (tmp_path / "pytorch_model.bin").touch()
    assert [tmp_path / "pytorch_model.bin"] == find_weights(tmp_path)
    index(tmp_path, "model.safetensors", {"a": "s1.safetensors"})
    assert [tmp_path / "s1.safetensors"] == find_weights(tmp_path)
    (tmp_path / "model.safetensors").touch()
    assert [tmp_path / "model.safetensors"] == find_weights(tmp_path)


@pytest.mark.parametrize("name", ["../x.bin", "/x.bin", "a/../x.bin", "./x.bin"])
def test_a_shard_outside_its_folder_is_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "x.bin").touch()
    index(folder, "pytorch_model.bin", {"a": name})
    with pytest.raises(InputError, match="outside its folder"):
        find_weights(folder)


@pytest.mark.parametrize("name", ["gone.bin", "..", "", "a\0b"])
def test_a_shard_that_is_not_there_is_missing(tmp_path: Path, name: str) -> None:
    index(tmp_path, "pytorch_model.bin", {"a": name})
    with pytest.raises((MissingError, InputError)):
        find_weights(tmp_path)


def test_hashes_are_those_of_the_contents(tmp_path: Path) -> None:
    (tmp_path / "b.bin").write_bytes(b"b" * 5_000_000)
    (tmp_path / "a.safetensors").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("no weights")
    expected = {
        "a.safetensors": hashlib.sha256(b"").hexdigest(),
        "b.bin": hashlib.sha256(b"b" * 5_000_000).hexdigest(),
    }
    assert expected == hash_weights(tmp_path)
    assert list(expected) == list(hash_weights([tmp_path / "b.bin", tmp_path / "a.safetensors"]))


def test_weights_whose_sum_overflows_are_finite_all_the_same(tmp_path: Path) -> None:
    file = tmp_path / "w.bin"
    large = {
        "a": torch.full((9,), 60_000.0, dtype=torch.float16),
        "x.position_ids": torch.arange(3),
    }
    torch.save(large, file)
    assert torch.equal(large["a"], read_weights(file)["a"])
    for number in ("nan", "inf", "-inf"):
        torch.save({"a": torch.tensor([1.0, float(number), 2.0])}, file)
        with pytest.raises(InputError, match=r"w\.bin: a holds numbers that are not finite"):
            read_weights(file)


@pytest.mark.parametrize("dtype", [torch.int8, torch.bool, torch.complex64, torch.float8_e4m3fn])
def test_weights_of_another_kind_than_floats_are_refused(
    tmp_path: Path, dtype: torch.dtype
) -> None:
    torch.save({"a": torch.zeros(2, dtype=dtype)}, tmp_path / "w.bin")
    with pytest.raises(InputError, match=r"w\.bin: a holds \w+, not floats"):
        read_weights(tmp_path / "w.bin")


@pytest.mark.parametrize("tensor", [torch.zeros(2, device="meta"), torch.eye(2).to_sparse()])
def test_tensors_without_numbers_of_their_own_are_refused(
    tmp_path: Path, tensor: torch.Tensor
) -> None:
    torch.save({"a": tensor}, tmp_path / "w.bin")
    with pytest.raises(InputError, match=r"w\.bin: a has no numbers of its own"):
        read_tensors(tmp_path / "w.bin")
