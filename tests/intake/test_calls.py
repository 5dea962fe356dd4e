"""Which captures make one call: order, repetition and batches do not matter."""

import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpm_elk.intake.calls import DUPLICATE, Member, Plan, State, Terms, plans
from mpm_elk.intake.converted import Made
from mpm_elk.intake.stored import Stored
from mpm_elk.timespan import iso

TERMS = Terms("today", 1000)


def member(
    part: Any, number: int = 0, *, at: int = 5000, arrived: int | None = None, call: str = "c", **noted: Any
) -> Member:
    """Make a capture; `noted` is its conversion."""
    return Member(
        f"index-{at // 10_000}", f"{part}-{number}", part, call, at, at if arrived is None else arrived, 10, noted
    )


def settle(plan: Plan, mapping: str) -> dict[tuple[str, str], Member]:
    """Note in the captures what the job would note: one prediction, by the call's time and the mapping."""
    documents = [Stored("p", f"{plan.call}-{plan.time_ms}-{mapping}", b"{}")] if plan.state != State.WAITING else []
    made = Made(plan, documents)
    changed = {}
    for one in [*(plan.used if plan.redo else []), *plan.repeats]:
        first, repeat = one is plan.anchor, one in plan.repeats
        conversion = {
            "state": str(made.state),
            "mapping": mapping,
            "time": iso(plan.time_ms),
            "reason_code": DUPLICATE if repeat else None,
            "predictions": [{"index": i, "id": d} for i, d in made.noted] if first else [],
        }
        changed[one.index, one.id] = replace(one, conversion=conversion)
    return changed


def predictions(members: list[Member]) -> set[tuple[str, str]]:
    return {place for one in members for place in one.predictions}


HALVES = st.lists(
    st.builds(
        member,
        st.sampled_from(["request", "response"]),
        st.integers(0, 2),
        at=st.integers(2000, 40_000),
        call=st.sampled_from(["a", "b"]),
    ),
    unique_by=lambda one: (one.index, one.id, one.call),
    max_size=8,
)


def named(halves: list[Member]) -> list[Member]:
    """Give each call's captures ids of their own, as the hash does."""
    return [replace(one, id=f"{one.call}-{one.id}") for one in halves]


@given(HALVES, st.randoms(use_true_random=False))
def test_the_order_of_what_is_there_does_not_matter(halves: list[Member], chance: Any) -> None:
    some = named(halves)
    mixed = chance.sample(some, len(some))
    assert sorted(map(_essence, plans(some, TERMS))) == sorted(map(_essence, plans(mixed, TERMS)))


def _essence(plan: Plan) -> Any:
    return plan.call, plan.state, [m.id for m in plan.used], sorted(m.id for m in plan.repeats), plan.time_ms, plan.redo


@given(
    HALVES,
    st.lists(st.integers(0, 7), max_size=4),
    st.lists(st.sampled_from(["today", "other"]), min_size=9, max_size=9),
)
def test_however_they_are_batched_each_call_has_one_prediction_of_its_first_time(
    halves: list[Member], cuts: list[int], mappings: list[str]
) -> None:
    """Captures come in batches, each followed by a conversion, the last of them by today's mapping."""
    known: dict[tuple[str, str], Member] = {}
    some = named(halves)
    edges = [0, *sorted(min(cut, len(some)) for cut in cuts), len(some)]
    times: dict[str, int] = {}
    for step, (begin, end) in enumerate(itertools.pairwise(edges)):
        known |= {(one.index, one.id): one for one in some[begin:end]}
        last = end == len(some) and step == len(edges) - 2
        mapping = "today" if last else mappings[step]
        for plan in plans(known.values(), Terms(mapping, 1000)):
            known |= settle(plan, mapping)
            if plan.state is State.CONVERTED:
                assert times.setdefault(plan.call, plan.time_ms) == plan.time_ms
    assert plans(known.values(), TERMS) == []
    for call in {one.call for one in some}:
        group = [one for one in known.values() if one.call == call]
        complete = {one.part for one in group} == {"request", "response"}
        expected = {("p", f"{call}-{times[call]}-today")} if complete else set()
        assert predictions(group) == expected
        assert {one.state for one in group} == {"converted" if complete else "waiting"}


def test_the_first_request_gives_the_time_and_the_last_ones_repeat() -> None:
    [plan] = plans([member("request", at=9000), member("response", at=3000), member("request", 1, at=7000)], TERMS)
    assert (plan.state, plan.time_ms, plan.anchor.id) == (State.CONVERTED, 7000, "request-1")
    assert [one.id for one in plan.repeats] == ["request-0"]


def test_a_half_waits_until_its_time_and_never_again_after_it() -> None:
    for part in ("request", "response"):
        assert plans([member(part, arrived=1001)], TERMS)[0].state is State.WAITING
        assert plans([member(part, arrived=1000)], TERMS)[0].state is State.EXPIRED
    once = member("request", state="expired", mapping="yesterday")
    assert plans([once], TERMS)[0].state is State.EXPIRED


def test_what_is_as_it_should_be_needs_nothing() -> None:
    done: dict[str, Any] = {"state": "converted", "mapping": "today"}
    halves = [member("request", **done), member("response", **done)]
    assert plans(halves, TERMS) == []
    [plan] = plans([*halves, member("request", 1, at=1)], TERMS)
    assert (plan.redo, [one.id for one in plan.repeats]) == (False, ["request-1"])
    assert plans(halves, Terms("tomorrow", 0))[0].redo


def test_a_run_that_died_is_found_again_with_all_that_it_may_have_written() -> None:
    noted: dict[str, Any] = {"state": "converting", "mapping": None, "time": iso(4000)}
    noted["predictions"] = [{"index": "i", "id": "p"}]
    [plan] = plans([member("request", **noted), member("response", state="waiting", mapping="today")], TERMS)
    assert (plan.redo, set(plan.known), plan.time_ms) == (True, {("i", "p")}, 4000)


def test_ground_truth_and_other_parts_stand_alone() -> None:
    found = plans([member("ground_truth"), member("ground_truth", 1), member("drift"), member("call")], TERMS)
    assert sorted((str(plan.state), len(plan.used), len(plan.repeats)) for plan in found) == [
        ("converted", 1, 0), ("converted", 1, 0), ("converted", 1, 0), ("unsupported", 1, 0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("state", "problem", "documents", "noted"),
    [
        (State.CONVERTED, None, ["new"], ["new"]),
        (State.CONVERTED, ("x", "x"), [], ["old"]),
        (State.CONVERTED, ("x", "x"), ["new"], ["new", "old"]),
        (State.EXPIRED, ("no_request", "x"), [], []),
        (State.WAITING, None, [], ["old"]),
    ],
)
def test_what_is_noted_in_the_end(state: State, problem: Any, documents: list[str], noted: list[str]) -> None:
    plan = Plan("c", state, [member("request")], [], 0, frozenset({("i", "old")}), redo=True)
    made = Made(plan, [Stored("i", identity, b"{}") for identity in documents], problem)
    assert [identity for _, identity in made.noted] == noted
