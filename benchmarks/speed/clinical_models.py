"""The clinical models at real size with random weights, in the official layouts.

The encoder is BERT-base; its vocabulary is made from the texts of the run. Biases are set so that
about as many spans are entities, and entities related, as in real reports.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from metrics.annotators.ratescore.entities import TYPES

VOCABULARY = 30_522
PIECES = 3_000
"""Word pieces learnt from the texts: about 1.2 per word, as PubMedBERT has on reports."""
LABELS = ("OBS-DP", "ANAT-DP", "OBS-U", "OBS-DA")
RELATIONS = ("modify", "located_at", "suggestive_of")
_CHEXBERT_CLASSES = (4,) * 13 + (2,)
_NER_BIAS, _MENTION_BIAS, _RELATION_BIAS = -0.75, -0.75, -0.5
_HIDDEN, _FEATURES, _WIDTH = 150, 20, 8


def make_models(folder: Path, texts: Sequence[str]) -> None:
    """Write encoder, RadGraph archive (unpacked) and CheXbert, as `CXR_HARNESS_WEIGHTS` has them.

    BERTScore takes the encoder's folder, ``bert-base``, with the weights in it.
    """
    torch.manual_seed(0)
    encoder = folder / "bert-base"
    _write_tokenizer(encoder, texts)
    bert = _bert()
    bert.save_pretrained(encoder)
    (folder / "pubmedbert").symlink_to("bert-base")
    prefix = "_embedder.token_embedder_bert._matched_embedder.transformer_model."
    state = {prefix + name: value for name, value in _bert().state_dict().items()}
    _write_archive(folder / "radgraph.tar.gz", {**state, **dict(_heads())})
    labeller = nn.ModuleDict(
        {
            "bert": _bert(),
            "linear_heads": nn.ModuleList(nn.Linear(768, n) for n in _CHEXBERT_CLASSES),
        }
    )
    weights = {f"module.{name}": value for name, value in labeller.state_dict().items()}
    torch.save({"model_state_dict": weights}, folder / "chexbert.pth")


def make_ratescore(folder: Path) -> None:
    """Write RaTEScore's two models, as DeBERTa-v3-base and MPNet-base, with `make_models`' words.

    Their vocabularies are smaller than the published ones, which costs the encoders nothing.
    """
    from transformers import (
        DebertaV2Config,
        DebertaV2ForTokenClassification,
        MPNetConfig,
        MPNetModel,
    )

    torch.manual_seed(0)
    tags = [*(f"{mark}-{kind}" for kind in TYPES for mark in "BI"), "O"]
    positions: dict[str, Any] = {
        "relative_attention": True,
        "position_biased_input": False,
        "position_buckets": 256,
        "norm_rel_ebd": "layer_norm",
        "share_att_key": True,
        "pos_att_type": ["p2c", "c2p"],
    }
    size: dict[str, Any] = {
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
        "vocab_size": VOCABULARY,
        "type_vocab_size": 0,
    }
    config = DebertaV2Config(**size, **positions, id2label=dict(enumerate(tags)))
    recognizer = DebertaV2ForTokenClassification(config)
    encoder = MPNetModel(MPNetConfig(vocab_size=VOCABULARY))
    for name, model in (("rate-ner", recognizer), ("biolord", encoder)):
        model.save_pretrained(folder / name)
        for file in ("vocab.txt", "tokenizer_config.json"):
            shutil.copy(folder / "bert-base" / file, folder / name)


def _bert() -> Any:
    from transformers import BertConfig, BertModel

    return BertModel(BertConfig(vocab_size=VOCABULARY))


def _write_tokenizer(folder: Path, texts: Sequence[str]) -> None:
    from tokenizers import BertWordPieceTokenizer

    folder.mkdir(parents=True)
    learner: Any = BertWordPieceTokenizer(lowercase=True)
    learner.train_from_iterator(list(texts), vocab_size=PIECES, show_progress=False)
    known = sorted(learner.get_vocab(), key=learner.token_to_id)
    unused = [f"[unused{i}]" for i in range(VOCABULARY - len(known))]
    (folder / "vocab.txt").write_text("\n".join([*known, *unused]) + "\n", encoding="utf-8")
    settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 512}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")


def _write_archive(folder: Path, state: dict[str, Tensor]) -> None:
    labels = folder / "vocabulary"
    labels.mkdir(parents=True)
    (labels / "non_padded_namespaces.txt").write_text("*labels\n*tags\n", encoding="utf-8")
    ner, relations = ("\n".join(names) + "\n" for names in (("", *LABELS), RELATIONS))
    (labels / "radgraph__ner_labels.txt").write_text(ner, encoding="utf-8")
    (labels / "radgraph__relation_labels.txt").write_text(relations, encoding="utf-8")
    (folder / "config.json").write_text(json.dumps(_config()), encoding="utf-8")
    torch.save(state, folder / "weights.th")


def _config() -> dict[str, Any]:
    encoder = {
        "type": "pretrained_transformer_mismatched",
        "model_name": "pubmedbert",
        "max_length": 512,
    }
    modules = {
        "ner": {},
        "coref": {"spans_per_word": 0.3, "max_antecedents": 100, "coref_prop": 0},
        "relation": {"spans_per_word": 0.5},
        "events": {
            "trigger_spans_per_word": 0.3,
            "argument_spans_per_word": 0.8,
            "loss_weights": {"trigger": 0.2, "arguments": 1},
        },
    }
    model = {
        "type": "dygie",
        "embedder": {"token_embedders": {"bert": encoder}},
        "initializer": {},
        "module_initializer": {},
        "feature_size": _FEATURES,
        "max_span_width": _WIDTH,
        "target_task": "relation",
        "feedforward_params": {"num_layers": 2, "hidden_dims": _HIDDEN, "dropout": 0.4},
        "loss_weights": {"ner": 0.2, "relation": 1, "coref": 0, "events": 0},
        "modules": modules,
    }
    reader = {"type": "dygie", "token_indexers": {"bert": encoder}, "max_span_width": _WIDTH}
    return {"dataset_reader": reader, "model": model}


def _heads() -> Iterator[tuple[str, Tensor]]:
    """Yield every weight above the encoder, those of coreference and events too."""
    span = 2 * 768 + _FEATURES
    ner, mention = "_ner._ner_scorers.radgraph__ner_labels", "_relation._mention_pruners"
    mention += ".radgraph__relation_labels._scorer"
    yield "_endpoint_span_extractor._span_width_embedding.weight", _random(_WIDTH, _FEATURES)
    # entities are the spans with the highest mention scores, as in a trained model
    hidden = list(_layers("", span))
    scorer = _random(1, _HIDDEN)
    for network in (ner, mention):
        yield from ((f"{network}.0._module._linear_layers{name}", value) for name, value in hidden)
    yield f"{mention}.1._module.weight", scorer
    yield f"{mention}.1._module.bias", torch.full((1,), _MENTION_BIAS)
    yield f"{ner}.1._module.weight", scorer + _random(len(LABELS), _HIDDEN) / 2
    yield f"{ner}.1._module.bias", torch.full((len(LABELS),), _NER_BIAS)
    relation = "_relation._relation_feedforwards.radgraph__relation_labels._linear_layers"
    yield from _layers(relation, 3 * span)
    relation_scorer = "_relation._relation_scorers.radgraph__relation_labels"
    yield from _linear(relation_scorer, _HIDDEN, len(RELATIONS), _RELATION_BIAS)
    yield from _layers("_coref._antecedent_feedforward._module._linear_layers", 3 * span + 20)
    yield from _layers("_coref._mention_pruner._scorer.0._module._linear_layers", span)
    yield from _linear("_coref._mention_pruner._scorer.1._module", _HIDDEN, 1)
    yield from _linear("_coref._antecedent_scorer._module", _HIDDEN, 1)
    yield from _linear("_coref._f_network._linear_layers.0", 2 * span, span)
    yield "_coref._distance_embedding.weight", _random(10, _FEATURES)
    yield "_events._distance_embedding.weight", _random(10, _FEATURES)


def _layers(name: str, inputs: int) -> Iterator[tuple[str, Tensor]]:
    yield from _linear(f"{name}.0", inputs, _HIDDEN)
    yield from _linear(f"{name}.1", _HIDDEN, _HIDDEN)


def _linear(
    name: str, inputs: int, outputs: int, bias: float = 0.0
) -> Iterator[tuple[str, Tensor]]:
    yield f"{name}.weight", _random(outputs, inputs)
    yield f"{name}.bias", torch.full((outputs,), bias)


def _random(rows: int, columns: int) -> Tensor:
    # Kaiming's scale keeps the scores of all networks of the order of 1
    return torch.randn(rows, columns) * math.sqrt(2 / columns)
