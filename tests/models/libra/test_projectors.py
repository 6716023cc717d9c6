"""Projectors against those of X-iZhang/Libra @0d6c56a (``golden/tac``)."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import Tensor

from models.errors import InputError, MissingError
from models.libra import TemporalAlignmentConnector, load_projector
from models.libra.projectors import ImageProjector, SqueezeExcitation, build_projector

TAC = Path(__file__).parents[2] / "golden" / "tac"
HEADS = {"case_a": 4, "case_b": 6}
TAGS = ("distinct", "near", "dummy", "mixed")


@cache
def connector(case: str) -> TemporalAlignmentConnector:
    loaded = load_projector(TAC / f"{case}.safetensors", num_heads=HEADS[case])
    assert isinstance(loaded, TemporalAlignmentConnector)
    return loaded


@cache
def arrays(name: str) -> dict[str, Tensor]:
    with np.load(TAC / f"{name}.npz") as file:
        return {key: torch.from_numpy(file[key]) for key in file.files}


def pair(case: str, tag: str) -> tuple[Tensor, Tensor]:
    inputs = arrays(f"{case}_inputs")
    return inputs["cur"], inputs["cur" if tag == "dummy" else f"prior_{tag}"]


def assert_near(expected: Tensor, found: Tensor, tolerance: float = 1e-5) -> None:
    torch.testing.assert_close(found.detach(), expected, rtol=1e-5, atol=tolerance)


@pytest.mark.parametrize("case", HEADS)
@pytest.mark.parametrize("tag", TAGS)
def test_the_connector_equals_the_original_at_every_stage(case: str, tag: str) -> None:
    tac, (current, prior) = connector(case), pair(case, tag)
    golden = arrays(f"{case}_outputs")
    fused, fused_prior = tac.fuse(current), tac.fuse(prior)
    assert_near(golden[f"{tag}/lfe_cur"], fused)
    assert_near(golden[f"{tag}/lfe_prior"], fused_prior)
    assert_near(golden[f"{tag}/cos_weight"], tac.likeness(fused, fused_prior))
    assert_near(golden[f"{tag}/out"], tac(current, prior))


@pytest.mark.parametrize("case", HEADS)
def test_rows_of_a_batch_equal_rows_alone(case: str) -> None:
    tac, (current, prior) = connector(case), pair(case, "distinct")
    together = tac(current, prior)
    for row in range(len(current)):
        golden = arrays(f"{case}_outputs")[f"distinct_row{row}/out"]
        assert_near(golden, tac(current[row : row + 1], prior[row : row + 1]))
        assert_near(golden, together[row : row + 1])


@pytest.mark.parametrize("kind", ["linear", "mlp2x_gelu"])
@pytest.mark.parametrize("suffix", [".safetensors", "_mm_projector.bin"])
def test_llava_s_projectors_equal_the_original_and_ignore_the_prior(kind: str, suffix: str) -> None:
    projector, inputs = load_projector(TAC / f"{kind}{suffix}"), arrays(f"{kind}_inputs")
    golden = arrays(f"{kind}_outputs")["out"]
    assert_near(golden, projector(inputs["cur"], inputs["prior"]))
    assert_near(golden, projector(inputs["cur"], inputs["cur"]))


@pytest.mark.parametrize("name", ["case_a_mm_tac_projector.bin", "case_a_non_lora_trainables.bin"])
def test_published_projector_files_load_under_any_prefix(name: str) -> None:
    loaded = load_projector(TAC / name, num_heads=4)
    expected = connector("case_a").state_dict()
    assert list(expected) == list(loaded.state_dict())
    assert all(torch.equal(expected[key], value) for key, value in loaded.state_dict().items())
    assert not loaded.training


def test_llava_s_own_keys_load(tmp_path: Path) -> None:
    tensors = load_file(TAC / "mlp2x_gelu.safetensors")
    named = {name.replace("projector.", "model.mm_projector."): t for name, t in tensors.items()}
    assert "model.mm_projector.0.weight" in named
    bare = {name.removeprefix("projector."): tensor for name, tensor in tensors.items()}
    for number, content in enumerate([named, bare]):
        file = tmp_path / f"{number}.safetensors"
        save_file({**content, **({"lm_head.weight": torch.zeros(1)} if not number else {})}, file)
        assert_near(
            arrays("mlp2x_gelu_outputs")["out"],
            load_projector(file)(arrays("mlp2x_gelu_inputs")["cur"]),
        )


def test_the_heads_of_a_connector_stand_in_the_config_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "mm_tac_projector.bin"
    file.write_bytes((TAC / "case_a_mm_tac_projector.bin").read_bytes())
    with pytest.raises(InputError, match=r"no config\.json beside it. Give num_heads"):
        load_projector(file)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError, match="has no num_attention_heads"):
        load_projector(file)
    (tmp_path / "config.json").write_text('{"num_attention_heads": 4}')
    loaded = load_projector(file)
    assert_near(arrays("case_a_outputs")["near/out"], loaded(*pair("case_a", "near")))


def test_files_that_hold_no_whole_projector_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "p.safetensors"
    with pytest.raises(MissingError, match="There is no weight file"):
        load_projector(file)
    save_file({"lm_head.weight": torch.zeros(2, 2)}, file)
    with pytest.raises(InputError, match="holds no projector"):
        load_projector(file)
    tensors = load_file(TAC / "case_a.safetensors")
    bias = tensors.pop("norm2.bias")
    save_file({**tensors, "norm5.bias": bias, "norm1.bias": torch.zeros(3)}, file)
    with pytest.raises(InputError) as problem:
        load_projector(file, num_heads=4)
    assert [
        "  missing      norm2.bias",
        "  unexpected   norm5.bias",
        "  wrong shape  norm1.bias [3], needed [32]",
    ] == str(problem.value).split("\n")[1:]
    save_file({"model.mm_projector.LFE_prior_bias": torch.zeros(())}, file)
    with pytest.raises(InputError, match="only a part of a projector"):
        load_projector(file, num_heads=4)
    save_file({"mm_projector.projector.2.bias": torch.zeros(2)}, file)
    with pytest.raises(InputError, match="only a part of a projector"):
        load_projector(file)


def test_squeeze_and_excitation_equals_its_definition() -> None:
    torch.manual_seed(0)
    block, planes = SqueezeExcitation(6, 3), torch.randn(2, 6, 4, 5)
    means = planes.mean((2, 3))
    hidden = torch.nn.functional.gelu(means @ block.fc1.weight[:, :, 0, 0].T + block.fc1.bias)
    scale = torch.sigmoid(hidden @ block.fc2.weight[:, :, 0, 0].T + block.fc2.bias)
    assert_near(planes * scale[:, :, None, None], block(planes), 1e-6)


def test_features_of_zeros_give_no_nan() -> None:
    zeros = torch.zeros(1, 12, 16, 32)
    tac = connector("case_a")
    assert tac(zeros, zeros).isfinite().all()
    assert [0.5**8] == tac.likeness(torch.zeros(1, 4, 2), torch.ones(1, 4, 2)).flatten().tolist()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.floats(0.1, 10))
def test_likeness_is_one_for_scaled_equals_zero_for_opposites_and_symmetric(
    seed: int, scale: float
) -> None:
    now, before = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(seed))
    likeness = connector("case_a").likeness
    assert_near(torch.ones(3, 1, 1), likeness(now, scale * now))
    assert_near(torch.zeros(3, 1, 1), likeness(now, -now))
    assert_near(likeness(before, now), likeness(now, before))
    assert bool(((likeness(now, before) >= 0) & (likeness(now, before) <= 1)).all())


@settings(max_examples=10, deadline=None)
@given(st.permutations(range(16)))
def test_patches_have_no_places_of_their_own(order: list[int]) -> None:
    """There is no positional code: shuffled patches give shuffled embeddings."""
    current, prior = pair("case_a", "distinct")
    expected = connector("case_a")(current, prior)[:, order]
    assert_near(expected, connector("case_a")(current[:, :, order], prior[:, :, order]), 2e-5)


def test_sizes_that_cannot_be_built_are_refused() -> None:
    for heads in (0, 5):
        with pytest.raises(InputError, match=f"{heads} heads do not divide"):
            build_projector("TAC", 24, 40, heads)
    for layers in (0, 1, 3):
        with pytest.raises(InputError, match=f"cannot fuse {layers} layers"):
            build_projector("TAC", 24, 40, 6, layers)
    for kind in ("identity", "mlp0x_gelu", "mlp2x_relu", "tac", ""):
        with pytest.raises(InputError, match="Unknown mm_projector_type"):
            build_projector(kind, 24, 40, 6)
    assert (2, 9, 40) == tuple(
        build_projector("TAC", 24, 40, 6, 24)(*torch.randn(2, 2, 24, 9, 24)).shape
    )


def test_features_of_other_layers_are_refused() -> None:
    features = torch.zeros(1, 3, 9, 24)
    with pytest.raises(InputError, match=r"12 layers, patches, width\], not \[1, 3, 9, 24\]"):
        connector("case_b")(features, features)
    with pytest.raises(InputError, match="takes features of one layer"):
        build_projector("mlp3x_gelu", 24, 40, 1)(features)


def test_an_mlp_has_as_many_layers_as_its_name_says() -> None:
    for layers in (1, 2, 5):
        projector = build_projector(f"mlp{layers}x_gelu", 8, 16, 1)
        assert isinstance(projector, ImageProjector)
        assert [f"projector.{2 * n}.weight" for n in range(layers)] == [
            name for name in projector.state_dict() if name.endswith("weight")
        ]


def test_the_published_sizes_count_as_many_parameters() -> None:
    with torch.device("meta"):
        sizes = [(4096, 32, 61_773_111), (3072, 24, 38_962_487)]
        for hidden, heads, expected in sizes:
            tac = TemporalAlignmentConnector(768, hidden, heads)
            assert expected == sum(parameter.numel() for parameter in tac.parameters())


@pytest.mark.parametrize("layers", [4, 6, 10, 24, 27])
def test_a_connector_fuses_the_layers_of_any_tower(layers: int) -> None:
    connector = build_projector("TAC", 24, 40, 6, layers).eval()
    features = torch.rand(2, layers, 9, 24)
    assert (2, 9, 40) == tuple(connector(features, features).shape)


@pytest.mark.parametrize("rows", [0, 1, 3_000_000])
@pytest.mark.parametrize(
    "name", ["norm1.weight", "mlp_final.6.bias", "LFE.0.fc2.bias", "LFE_prior_bias"]
)
def test_one_tensor_of_any_wrong_size_is_what_is_reported(
    tmp_path: Path, name: str, rows: int
) -> None:
    tensors = build_projector("TAC", 24, 40, 3).state_dict()
    torch.save({**tensors, name: torch.zeros(rows)}, tmp_path / "tac.bin")
    with pytest.raises(InputError) as problem:
        load_projector(tmp_path / "tac.bin", num_heads=3)
    _, *told = str(problem.value).split("\n")
    needed = list(tensors[name].shape)
    assert [f"  wrong shape  {name} [{rows}], needed {needed}"] == told


@pytest.mark.parametrize("number", [3, 9_999_999, "9" * 5000])
def test_layers_that_no_mlp_has_are_unexpected(tmp_path: Path, number: object) -> None:
    tensors = build_projector("mlp2x_gelu", 8, 12, 1).state_dict()
    stranger = f"projector.{number}.weight"
    torch.save({**tensors, stranger: torch.zeros(12, 12)}, tmp_path / "mlp.bin")
    with pytest.raises(InputError, match=f"unexpected   {stranger}"):
        load_projector(tmp_path / "mlp.bin")
