"""The folder of a tuning run: its recipe, what its stages came to, and whether it goes on."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from models.atomic import replace_file
from models.errors import InputError
from models.training.tuning.recipe import TuningRecipe, TuningStage

LOG_FILE = "training_log.jsonl"
RECIPE_FILE = "recipe.yaml"
CARD_FILE = "README.md"
_LOCK_FILE = ".lock"
_OUTCOME_FILE = "stage.json"
_DATA_FILE = "data.json"
_FREE = (
    "source",
    "needs",
    "workers",
    "image_cache_gb",
    "report_to",
    "published",
    "save_every",
)
"""Keys that may differ when a run goes on: they change no weight."""


@dataclass(frozen=True)
class StageOutcome:
    """What a stage came to.

    Parameters
    ----------
    name, steps
        Of the stage; updates that it made.
    records, left_out
        Training records that teach, and how many do not, by reason.
    evaluation
        Loss and scores of the last evaluation; empty where nothing was validated on.
    best
        ``by``, ``value`` and ``step`` of the best model; None without one.
    """

    name: str
    steps: int
    records: int
    left_out: Mapping[str, int]
    evaluation: Mapping[str, float | None]
    best: Mapping[str, Any] | None


class RunFolder:
    """A run's output folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / LOG_FILE

    def stage(self, stage: TuningStage) -> Path:
        """Return a stage's folder."""
        return self.folder / stage.name

    def begin(self, recipe: TuningRecipe, *, resume: bool) -> None:
        """Make the folder, or go on in it.

        Raises
        ------
        InputError
            If there is something already that was not asked to be resumed, or a run of another
            recipe.
        """
        known = self.folder / RECIPE_FILE
        is_run = known.is_file()
        if not (resume and is_run) and self.folder.is_dir() and any(self.folder.iterdir()):
            way = "Go on with --resume" if is_run else "Name another folder"
            raise InputError(f"{self.folder} is there already. {way}, or remove it to begin anew.")
        if is_run:
            self._check_same(known, recipe)
        self.folder.mkdir(parents=True, exist_ok=True)
        replace_file(known, _as_yaml(recipe).encode())

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let no other run write into the folder while this lasts.

        The system drops the lock when its holder ends, however it ends; loading processes, which
        may end later, do not inherit it.

        Raises
        ------
        InputError
            If another run holds the folder.
        """
        with open(self.folder / _LOCK_FILE, "w") as file:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except (BlockingIOError, PermissionError):
                raise InputError(
                    f"Another training is writing to {self.folder}. Wait until it is done, or "
                    "choose another --output."
                ) from None
            yield

    def check_data(self, stage: TuningStage, said: Mapping[str, Any]) -> None:
        """Note what a stage's data are, or refuse to go on with others."""
        folder = self.stage(stage)
        folder.mkdir(exist_ok=True)
        known = folder / _DATA_FILE
        if known.is_file():
            before = json.loads(known.read_text("utf-8"))
            changed = next((key for key, one in said.items() if before.get(key) != one), None)
            if changed is not None:
                raise InputError(
                    f"{folder}: the {changed} changed since the stage was begun. Go on with what "
                    "it was begun with, or remove the folder to begin the stage anew."
                )
        _write(known, said)

    def outcome(self, stage: TuningStage) -> StageOutcome | None:
        """Return what a finished stage came to; None if it is not finished."""
        file = self.stage(stage) / _OUTCOME_FILE
        return StageOutcome(**json.loads(file.read_text("utf-8"))) if file.is_file() else None

    def finish(self, stage: TuningStage, outcome: StageOutcome) -> None:
        """Note that a stage is finished: a run that is resumed goes on with the next."""
        _write(self.stage(stage) / _OUTCOME_FILE, asdict(outcome))

    def _check_same(self, known: Path, recipe: TuningRecipe) -> None:
        import yaml

        before = dict(_leaves(yaml.safe_load(known.read_text("utf-8"))))
        now = dict(_leaves(_plain(recipe)))
        changed = [key for key in before | now if before.get(key) != now.get(key)]
        if changed:
            raise InputError(
                f"{self.folder} holds a run of another recipe: {changed[0]} differs. Go on with "
                f"the same one ({known} has all keys), or name another folder."
            )


def _as_yaml(recipe: TuningRecipe) -> str:
    import yaml

    return str(yaml.safe_dump(_plain(recipe), sort_keys=False, allow_unicode=True))


def _plain(recipe: TuningRecipe) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(asdict(recipe)))
    return found


def _leaves(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the keys that decide weights, with their place in a recipe, and their values."""
    if isinstance(value, Mapping):
        for name, one in value.items():
            if name not in _FREE:
                yield from _leaves(one, f"{key}.{name}" if key else name)
    elif isinstance(value, list) and any(isinstance(one, Mapping) for one in value):
        for place, one in enumerate(value):
            yield from _leaves(one, f"{key}[{place}]")
    else:
        yield key, value


def _write(file: Path, content: Mapping[str, Any]) -> None:
    replace_file(file, (json.dumps(content, indent=2) + "\n").encode())
