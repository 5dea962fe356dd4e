"""The shell of the conversion, as far as it needs no cluster: groups in bounded memory, and mappings of nowhere."""

import pytest

from mpm_elk.config import Config
from mpm_elk.errors import ConfigError
from mpm_elk.intake import convert
from mpm_elk.intake.calls import Member, Plan, State


def plan(size: int, *, redo: bool = True) -> Plan:
    member = Member("i", "d", "request", "c", 0, 0, size)
    return Plan("c", State.CONVERTED, [member, member], [], 0, frozenset(), redo)


def test_groups_hold_so_many_bytes_and_a_larger_call_goes_alone() -> None:
    half = convert._BYTES_AT_ONCE // 4
    sizes = [half, half, half, 5 * half, 1, 1]
    groups = list(convert._chunks([plan(size) for size in sizes]))
    assert [[one.used[0].size for one in group] for group in groups] == [[half, half], [half], [5 * half], [1, 1]]


def test_what_needs_a_note_only_weighs_nothing() -> None:
    assert len(list(convert._chunks([plan(1 << 30, redo=False) for _ in range(50)]))) == 1


def test_nothing_makes_no_group() -> None:
    assert list(convert._chunks([])) == []


@pytest.mark.parametrize("platform", ["kserve", "s*", "*"])
def test_known_platforms(platform: str) -> None:
    entry = {"platform": platform, "endpoint": "x", "model": "m", "output": {"score": 0}}
    convert.check_platforms(Config.model_validate({"captures": [entry]}))


def test_a_platform_that_is_not_known_is_named() -> None:
    entry = {"platform": "vertex", "endpoint": "x", "model": "m", "output": {"score": 0}}
    with pytest.raises(ConfigError, match="'vertex', which is not known") as caught:
        convert.check_platforms(Config.model_validate({"captures": [entry]}))
    assert caught.value.remedy == "known platforms are kserve, sagemaker, seldon; left out, a mapping is for all"
