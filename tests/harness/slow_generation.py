"""A run that takes its time, for tests that kill it: ``slow_generation.py FOLDER SAMPLES``."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from harness.errors import InputError
from harness.generation import Job, generate
from harness.model_requests import build_requests
from harness.run_folder import RunFolder
from harness.study import Study
from models.adapter import Adapter, Generation, Request


class Slow(Adapter):
    """An answer that depends on the request, after a while."""

    batch_size = 3

    def generate(self, requests: Sequence[Request]) -> list[Generation]:
        time.sleep(0.008)
        return [Generation(f"Report of {request.sample_id}. " * 3) for request in requests]


def run(path: Path, samples: int) -> None:
    studies = [Study(sample_id=f"s{i}", study_id=f"s{i}") for i in range(samples)]
    with RunFolder.create(path, {"name": "slow", "samples": samples}, test_set="0") as folder:
        for model in ("first", "second"):
            job = Job(model, "real", Slow.from_settings({}), studies, _requests(studies))
            generate(folder, job)
        folder.write_text("scores.json", "{}\n")
        folder.finish()


def _requests(studies: Sequence[Study]) -> list[Request]:
    return build_requests(studies, "real", seed=0)


if __name__ == "__main__":
    print("ready", flush=True)
    try:
        run(Path(sys.argv[1]), int(sys.argv[2]))
    except InputError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_status)
    except KeyboardInterrupt:
        sys.exit(130)
