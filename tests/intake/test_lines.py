import gzip
import hashlib
import io
import sys
import tracemalloc
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from mpm_elk.errors import InputError
from mpm_elk.intake import lines
from mpm_elk.intake.lines import Line, Position, read

TEXT = b'{"a":1}\n\n  \n{"b":2}\r\n{"c":3}'
PACKED = {"plain": TEXT, "gzip": gzip.compress(TEXT), "zstd": zstandard.compress(TEXT)}


def raws(found: list[Line]) -> list[tuple[int, bytes]]:
    return [(line.number, line.raw) for line in found]


@pytest.mark.parametrize("form", PACKED)
def test_forms_are_known_by_their_first_bytes(form: str, tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(PACKED[form])
    expected = [(1, b'{"a":1}'), (4, b'{"b":2}'), (5, b'{"c":3}')]
    assert raws(list(read(file))) == expected
    assert raws(list(read(io.BytesIO(PACKED[form])))) == expected
    assert lines.is_compressed(file) == (form != "plain")


@pytest.mark.parametrize("form", PACKED)
def test_reading_goes_on_after_any_line(form: str, tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(PACKED[form])
    found = list(read(file))
    for i, line in enumerate(found[:-1]):
        assert list(read(file, start=Position(line.number, line.offset))) == found[i + 1 :]


def test_a_last_line_without_an_end_is_read_again() -> None:
    last = list(read(io.BytesIO(TEXT)))[-1]
    assert last.offset == TEXT.index(b'{"c"')


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_several_compressed_parts_are_one_log(pack: object) -> None:
    assert callable(pack)
    assert raws(list(read(io.BytesIO(pack(b"a\nb") + pack(b"c\nd\n"))))) == [(1, b"a"), (2, b"bc"), (3, b"d")]


def test_a_byte_order_mark_is_passed_over() -> None:
    assert raws(list(read(io.BytesIO(b"\xef\xbb\xbf{}\n\xef\xbb\xbf{}")))) == [(1, b"{}"), (2, b"\xef\xbb\xbf{}")]


def test_an_empty_source_has_no_lines() -> None:
    assert list(read(io.BytesIO(b""))) == []
    assert list(read(io.BytesIO(b"\n\n \n"))) == []


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
@pytest.mark.parametrize("part", [0.3, 0.9])
def test_a_cut_off_file_gives_what_was_readable_then_an_error(pack: object, part: float) -> None:
    assert callable(pack)
    text = b"".join(b"%d %s\n" % (i, hashlib.sha256(b"%d" % i).hexdigest().encode()) for i in range(20_000))
    packed = pack(text)
    found: list[Line] = []
    with pytest.raises(InputError, match="cut off after line") as caught:
        found.extend(read(io.BytesIO(packed[: int(len(packed) * part)])))
    assert 20_000 * part * 0.5 < len(found) < 20_000
    assert [line.raw for line in found] == text.split(b"\n")[: len(found)]
    assert f"after line {len(found)}:" in str(caught.value)


@pytest.mark.parametrize("form", ["gzip", "zstd"])
def test_a_damaged_file_is_an_input_error(form: str) -> None:
    packed = bytearray(PACKED[form])
    packed[len(packed) // 2] ^= 0xFF
    packed[len(packed) // 2 + 1] ^= 0xFF
    with pytest.raises(InputError):
        list(read(io.BytesIO(bytes(packed[:-3]))))


def test_a_missing_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        list(read(tmp_path / "none"))


def test_zstd_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(InputError, match=r"mpm-elk\[zstd\]"):
        list(read(io.BytesIO(PACKED["zstd"])))


def test_a_long_line_is_marked_and_whole_up_to_what_is_held() -> None:
    found = list(read(io.BytesIO(b"x" * 3000 + b"\nshort\n"), limit=1024))
    assert (found[0].too_long, found[0].size, found[0].cut, len(found[0].raw)) == (True, 3000, False, 3000)
    assert (found[1].too_long, found[1].raw) == (False, b"short")


@pytest.mark.parametrize("extra", [0, 1, 2, 3, 1000, lines._BLOCK, lines._BLOCK + 1])
@pytest.mark.parametrize("end", [b"\n", b""])
def test_a_line_beyond_what_is_held_is_measured_and_hashed(extra: int, end: bytes) -> None:
    text = b"x" * (lines.HELD_MAX_BYTES + extra)
    found = list(read(io.BytesIO(text + end + b"next\n" if end else text)))
    assert found[0].size == len(text)
    assert found[0].too_long
    assert found[0].cut == (len(found[0].raw) < len(text))
    if found[0].cut:
        assert found[0].sha256 == hashlib.sha256(text).digest()
    if end:
        assert (found[0].offset, found[1].raw, found[1].number) == (len(text) + 1, b"next", 2)


def test_memory_is_bounded_whatever_the_length_of_a_line(tmp_path: Path) -> None:
    file = tmp_path / "log.gz"
    with gzip.open(file, "wb", compresslevel=1) as stream:
        for _ in range(256):
            stream.write(b"x" * (1 << 20))
    tracemalloc.start()
    try:
        (found,) = read(file)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.size == 256 << 20
    assert peak < 4 * lines.HELD_MAX_BYTES


@given(st.lists(st.binary(max_size=12).map(lambda raw: raw.replace(b"\n", b"")), max_size=20))
def test_any_lines_come_back(texts: list[bytes]) -> None:
    data = b"x\n" + b"\n".join(texts)
    expected = [
        (i + 2, text.rstrip(b"\r")) for i, text in enumerate(texts) if text.rstrip(b"\r") and not text.isspace()
    ]
    assert raws(list(read(io.BytesIO(data))))[1:] == expected
