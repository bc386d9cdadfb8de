"""The circuit breaker of a model: opens after failures in a row, and one probe closes it."""

import pytest

from kb.errors import ModelUnavailable
from kb.models.llm.circuit import Circuit, CircuitOpen
from kb.models.llm.failures import QuestionRefused
from kb.settings import LlmSettings


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def circuit(clock):
    return Circuit(
        "m", LlmSettings(circuit_failures=3, circuit_window_s=60, circuit_open_s=30), clock
    )


def ask(circuit, failure=None):
    with circuit.question():
        if failure is not None:
            raise failure


def fail(circuit, times=1):
    for _ in range(times):
        with pytest.raises(ModelUnavailable, match="broken"):
            ask(circuit, ModelUnavailable("broken"))


def test_it_opens_after_failures_in_a_row_and_says_when_it_tries_again(circuit, clock):
    fail(circuit, 3)
    clock.now += 10

    with pytest.raises(CircuitOpen, match=r"'m' .* in 20 seconds"):
        ask(circuit)
    with pytest.raises(CircuitOpen):
        circuit.check()
    assert (circuit.health.circuit, circuit.health.retry_in_s) == ("open", 20)
    assert circuit.health.failures == 3


def test_an_answer_between_failures_starts_the_count_anew(circuit):
    fail(circuit, 2)
    ask(circuit)
    fail(circuit, 2)
    assert circuit.health.circuit == "closed"


def test_failures_that_lie_far_apart_do_not_count_together(circuit, clock):
    for _ in range(6):
        fail(circuit)
        clock.now += 31  # the first of three lies 62 seconds back
    assert circuit.health.circuit == "closed"


def test_a_request_that_the_server_refuses_says_nothing_about_the_model(circuit):
    for _ in range(9):
        with pytest.raises(QuestionRefused):
            ask(circuit, QuestionRefused("too long"))
    assert circuit.health.circuit == "closed"
    assert circuit.health.failures == 0


def test_one_probe_goes_through_when_the_time_is_over(circuit, clock):
    fail(circuit, 3)
    clock.now += 30
    assert circuit.health.circuit == "half_open"

    with circuit.question(), pytest.raises(CircuitOpen):
        ask(circuit)
    assert circuit.health.circuit == "closed"
    ask(circuit)


def test_a_probe_that_fails_opens_it_for_another_while(circuit, clock):
    fail(circuit, 3)
    clock.now += 30
    fail(circuit)
    assert circuit.health.circuit == "open"
    assert circuit.health.retry_in_s == 30


def test_a_probe_that_its_asker_leaves_makes_room_for_the_next(circuit, clock):
    fail(circuit, 3)
    clock.now += 30
    with pytest.raises(GeneratorExit):
        ask(circuit, GeneratorExit())
    assert circuit.health.circuit == "half_open"
    ask(circuit)
    assert circuit.health.circuit == "closed"


def test_questions_that_were_under_way_do_not_keep_it_open_longer(circuit, clock):
    under_way = circuit.question()
    under_way.__enter__()
    fail(circuit, 3)
    clock.now += 20
    late = ModelUnavailable("late")
    assert not under_way.__exit__(ModelUnavailable, late, None)
    assert circuit.health.retry_in_s == 10


def test_an_operators_test_is_let_through_and_closes_it(circuit):
    fail(circuit, 3)
    with circuit.probe():
        pass
    assert circuit.health.circuit == "closed"
