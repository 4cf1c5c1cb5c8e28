from collections.abc import Iterator

import pytest

from doors import Doors


@pytest.fixture
def door() -> Iterator[Doors]:
    opened = Doors()
    yield opened
    opened.source.close()
