from collections.abc import Iterator

import pytest

from metrics.official.clinical import ReferenceWorker, reference_folder

# asked before the fixtures that move the cache folder
FOLDER = reference_folder()


@pytest.fixture(scope="session")
def official() -> Iterator[ReferenceWorker]:
    """The official packages; without them these tests fail and say how to get them."""
    with ReferenceWorker(FOLDER) as worker:
        yield worker
