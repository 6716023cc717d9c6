"""``infer``: one study on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.output import JsonOption

_ModelOption = Annotated[
    str, typer.Option("--model", metavar="ID", help="A checkpoint's folder, name or hub id.")
]
_ImageOption = Annotated[
    Path, typer.Option("--image", metavar="CURRENT", help="The current image: PNG, JPEG, DICOM, …")
]
_PriorOption = Annotated[
    Path | None, typer.Option("--prior", metavar="PRIOR", help="The prior image, if there is one.")
]
_PromptOption = Annotated[
    str | None, typer.Option("--prompt", help="What is asked, instead of --section.")
]
_SectionOption = Annotated[
    str, typer.Option("--section", help="Ask for this section: findings or impression.")
]
_IndicationOption = Annotated[
    str | None, typer.Option("--indication", help="Clinical context that follows the question.")
]
_HistoryOption = Annotated[str | None, typer.Option("--history", help="The patient's history.")]
_TemplateOption = Annotated[str | None, typer.Option("--template", help="Conversation template.")]
_BaseOption = Annotated[
    str | None, typer.Option("--model-base", help="What a LoRA or projector folder stands on.")
]
_BeamsOption = Annotated[int, typer.Option("--num-beams", min=1, help="Beams; 1: no beam search.")]
_LengthPenaltyOption = Annotated[
    float, typer.Option("--length-penalty", help="Above 0 favours long beams.")
]
_NgramOption = Annotated[
    int,
    typer.Option("--no-repeat-ngram-size", min=0, help="Repeat no n-gram of this size; 0: any."),
]
_TokensOption = Annotated[int, typer.Option("--max-new-tokens", min=1, help="Most new tokens.")]
_SequencesOption = Annotated[
    int, typer.Option("--num-return-sequences", min=1, help="How many texts.")
]
_TemperatureOption = Annotated[
    float, typer.Option("--temperature", min=0.0, help="0 is greedy; above, sample.")
]
_TopPOption = Annotated[
    float | None, typer.Option("--top-p", help="Sample from this share of the probability.")
]
_SeedOption = Annotated[
    int | None, typer.Option("--seed", help="Sample the same again; other texts without it.")
]
_EngineOption = Annotated[str, typer.Option("--engine", help="transformers or vllm")]
_DeviceOption = Annotated[
    str | None, typer.Option("--device", help="cpu, cuda, …; what there is if left out.")
]
_DtypeOption = Annotated[
    str | None, typer.Option("--dtype", help="float32, bfloat16, float16, 8bit or 4bit")
]
_DicomOption = Annotated[
    str, typer.Option("--dicom", help="How DICOM becomes grey: published or corrected.")
]
_ChatOption = Annotated[
    bool, typer.Option("--chat", help="Go on asking, a line each; a blank one ends it.")
]


def infer(
    model: _ModelOption,
    image: _ImageOption,
    prior: _PriorOption = None,
    prompt: _PromptOption = None,
    section: _SectionOption = "findings",
    indication: _IndicationOption = None,
    history: _HistoryOption = None,
    template: _TemplateOption = None,
    model_base: _BaseOption = None,
    num_beams: _BeamsOption = 1,
    length_penalty: _LengthPenaltyOption = 1.0,
    no_repeat_ngram_size: _NgramOption = 0,
    max_new_tokens: _TokensOption = 512,
    num_return_sequences: _SequencesOption = 1,
    temperature: _TemperatureOption = 0.0,
    top_p: _TopPOption = None,
    seed: _SeedOption = None,
    engine: _EngineOption = "transformers",
    device: _DeviceOption = None,
    dtype: _DtypeOption = None,
    dicom: _DicomOption = "published",
    chat: _ChatOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write a report on one study, or answer a question about it."""
    from harness.inference import Asked, answer, chat_on
    from models.engines.engine import Decoding

    asked = Asked(
        model=model,
        base=model_base,
        image=image,
        prior=prior,
        prompt=prompt,
        section=section,
        context={"indication": indication or "", "history": history or ""},
        template=template,
        engine=engine,
        device=device,
        dtype=dtype,
        dicom=dicom,
        decoding=Decoding(
            num_beams=num_beams,
            length_penalty=length_penalty,
            no_repeat_ngram_size=no_repeat_ngram_size,
            max_new_tokens=max_new_tokens,
            num_return_sequences=num_return_sequences,
            temperature=temperature,
            top_p=top_p,
            seed=seed,
        ),
    )
    if chat:
        if as_json:
            raise typer.BadParameter("--json prints one answer. Leave out --chat.")
        chat_on(asked)
    else:
        answer(asked, as_json)
