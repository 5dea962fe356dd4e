"""Rows of a file as the index of a source would hold them: rounded, and typed, by its mapping."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from mpm_elk.contract.source import Source, SubjectField
from mpm_elk.errors import InputError
from mpm_elk.profiles.precision import rounding_known, stored
from mpm_elk.registry.rows import Chunk, Value, category


def as_stored(chunks: Iterable[Chunk], source: Source, path: Path) -> Iterator[Chunk]:
    """Give the rows as they count in a source: without the subjects that it does not hold. Ours hold all as they are.

    Raises InputError for a field whose rounding only its mapping knows.
    """
    fields = source.subjects
    if fields is None:
        yield from chunks
        return
    for chunk in chunks:
        subjects = {name: values for name, values in chunk.subjects.items() if name in fields}
        for name in subjects:
            if not rounding_known(fields[name].types):
                raise InputError(
                    f"{path}: {name} is stored as a scaled float, and a file does not say what it is rounded to",
                    remedy="leave its column out with --exclude, or make the baseline of a window of traffic",
                )
        counted = {name: [_value(value, fields[name]) for value in values] for name, values in subjects.items()}
        yield Chunk(chunk.size, counted, chunk.times)


def _value(value: Value, field: SubjectField) -> Value:
    if not isinstance(value, float):
        return value
    return stored(value, field.types) if field.numeric else category(value)


def textual(texts: frozenset[str], source: Source) -> frozenset[str]:
    """Say which columns of a CSV file are texts: as the source says where it holds them."""
    fields = source.subjects or {}
    return frozenset(name for name in texts if name not in fields or not fields[name].numeric) | {
        name for name, field in fields.items() if not field.numeric
    }
