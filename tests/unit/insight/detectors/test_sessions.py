"""Sessions that hold other events than sessions usually do."""

from __future__ import annotations

import numpy as np

from heimdall.insight.detectors.sessions import SessionConfig, SessionNovelty

OPENED, READ, CLOSED, FAILED = range(4)


def session(reads: int, *, failed: int = 0, closed: int = 1) -> np.ndarray:
    vector = np.zeros(8, np.int32)
    vector[[OPENED, READ, CLOSED, FAILED]] = [1, reads, closed, failed]
    return vector


def learnt(config: SessionConfig | None = None) -> SessionNovelty:
    novelty = SessionNovelty(config or SessionConfig(events=8))
    reads = np.random.default_rng(1).geometric(0.2, 1_000)
    novelty.learn(np.array([session(int(count)) for count in reads]))
    return novelty


def p_of(novelty: SessionNovelty, vector: np.ndarray) -> float:
    return float(novelty.judge(vector[None])[0])


def test_a_session_like_those_before_is_usual() -> None:
    assert p_of(learnt(), session(2)) == 1.0


def test_a_count_that_varies_freely_may_take_a_value_never_seen() -> None:
    assert p_of(learnt(), session(45)) > 1 / 1_000


def test_an_event_never_seen_or_one_that_is_missing_is_not_like_any_session() -> None:
    novelty = learnt()
    assert p_of(novelty, session(2, failed=1)) < 1 / 1_000
    assert p_of(novelty, session(2, closed=0)) < 1 / 1_000


def test_the_counts_that_differ_are_the_evidence() -> None:
    assert learnt().differing(session(2, failed=1)) == [(FAILED, 1, 0)]


def test_a_flood_of_odd_sessions_is_bounded_and_what_is_common_stays_known() -> None:
    novelty = learnt(SessionConfig(events=8, vectors=64))
    for number in range(500):
        novelty.learn(session(number + 100, failed=number)[None])
        novelty.learn(session(2)[None])
    assert len(novelty.arrays()["seen"]) == 64
    assert p_of(novelty, session(2)) == 1.0


def test_a_restored_state_judges_the_same() -> None:
    first, second = learnt(), SessionNovelty(SessionConfig(events=8))
    second.load({name: value.copy() for name, value in first.arrays().items()})
    for vector in (session(2), session(77), session(3, failed=2)):
        assert p_of(first, vector) == p_of(second, vector)
