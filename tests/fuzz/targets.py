"""All that is fuzzed."""

from decoders import decoders
from questions import questions
from target import Target


def targets() -> tuple[Target, ...]:
    return decoders() + questions()
