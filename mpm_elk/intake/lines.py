"""Read the lines of a log: plain, gzip or zstd, of any length, in bounded memory."""

import gzip
import hashlib
import io
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from mpm_elk.contract.limits import LINE_MAX_BYTES
from mpm_elk.errors import InputError

HELD_MAX_BYTES = 8 << 20
"""Bytes of a line that are held, where the limit is not above. What is beyond is measured and hashed."""

_BLOCK = 1 << 18
_PIECE = 2048  # compressed bytes at a time: zstd can make up to 32,768 times as much of them
_BOM = b"\xef\xbb\xbf"
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"


@dataclass(frozen=True, slots=True)
class Position:
    """A place between two lines: how many lines, and how many bytes (after decompression), are before it."""

    line: int = 0
    offset: int = 0


@dataclass(slots=True)
class Line:
    """One line without its end.

    `number` counts from 1. `offset` is where the reading of a file goes on after this line, in bytes after
    decompression; it stays before a last line that has no end yet. `size` is the whole line's length in bytes,
    `sha256` its hash; both differ from `raw`'s when the line was too long to be held.
    """

    number: int
    offset: int
    raw: bytes
    too_long: bool = False
    size: int = 0
    sha256: bytes = b""

    @property
    def cut(self) -> bool:
        """Whether `raw` holds only the start of the line."""
        return self.size > len(self.raw)


def read(
    source: Path | BinaryIO,
    *,
    limit: int = LINE_MAX_BYTES,
    start: Position = Position(),
) -> Iterator[Line]:
    """Give the lines of `source` after `start`; blank ones are counted and skipped.

    The compression is known by the first bytes. A byte order mark at the start is passed over. A line of more than
    `limit` bytes is marked `too_long`. Raises InputError when the source cannot be opened or decompressed, or ends
    in the middle of a compressed stream: then after the last whole line that could be read.
    """
    if not isinstance(source, Path):
        yield from _lines(_decompressed(_buffered(source), "the input"), limit=limit, start=start, name="the input")
        return
    try:
        stream = io.BufferedReader(source.open("rb", buffering=0), _BLOCK)
    except OSError as error:
        message = f"{source} cannot be read: {error.strerror}"
        raise InputError(message, remedy="check the path and its permissions") from error
    with stream:
        yield from _lines(_decompressed(stream, str(source)), limit=limit, start=start, name=str(source))


def standard_input() -> BinaryIO:
    """Give standard input as bytes."""
    return sys.stdin.buffer


def is_compressed(file: Path) -> bool:
    """Tell by the first bytes whether a file is compressed."""
    with file.open("rb") as stream:
        return stream.read(4).startswith((_GZIP, _ZSTD))


def _buffered(stream: BinaryIO) -> "io.BufferedReader[Any]":
    return stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(_Raw(stream))


def _decompressed(stream: "io.BufferedReader[Any]", name: str) -> "io.BufferedReader[Any]":
    """Look at the first bytes, and decompress what they announce."""
    magic = stream.peek(4)[:4]
    if magic.startswith(_GZIP):
        return io.BufferedReader(_Raw(gzip.GzipFile(fileobj=stream)), _BLOCK)
    if magic == _ZSTD:
        return io.BufferedReader(_Zstd(stream, name), _BLOCK)
    return stream


def _lines(stream: "io.BufferedReader[Any]", *, limit: int, start: Position, name: str) -> Iterator[Line]:
    number, offset = start.line, start.offset
    held = max(limit, HELD_MAX_BYTES)
    try:
        _skip(stream, offset)
        while raw := stream.readline(held + 2):
            number += 1
            size = len(raw)
            line = _Long(raw, stream) if size == held + 2 and not raw.endswith(b"\n") else None
            ended = line.ended if line else raw.endswith(b"\n")
            after = offset + (line.total if line else size)
            if number == 1 and raw.startswith(_BOM):
                raw = raw[len(_BOM) :]
            raw = raw.rstrip(b"\r\n")
            if line:
                yield Line(number, after if ended else offset, raw, True, line.size, line.sha256)
            elif raw and not raw.isspace():
                yield Line(number, after if ended else offset, raw, len(raw) > limit, len(raw))
            offset = after
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        message = f"{name} is damaged or cut off after line {number}: {error}"
        raise InputError(message, remedy="what came before was read; get a whole copy and send it again") from error
    except OSError as error:
        message = f"{name} cannot be read after line {number}: {error.strerror or error}"
        raise InputError(message, remedy="what came before was read; send the file again") from error


def _skip(stream: "io.BufferedReader[Any]", count: int) -> None:
    """Go forward: a plain file by seeking, a compressed one by reading."""
    if count and not isinstance(stream.raw, _Raw | _Zstd) and stream.seekable():
        stream.seek(count)
        return
    while count:
        block = stream.read(min(count, _BLOCK))
        if not block:
            return
        count -= len(block)


class _Long:
    """The measure and the hash of a line that is too long to be held; reads it to its end."""

    def __init__(self, start: bytes, stream: "io.BufferedReader[Any]") -> None:
        digest = hashlib.sha256(start)
        self.total = len(start)
        self.ended = False
        while not self.ended and (block := stream.readline(_BLOCK)):
            self.total += len(block)
            self.ended = block.endswith(b"\n")
            digest.update(block.removesuffix(b"\n"))
        self.size = self.total - self.ended
        self.sha256 = digest.digest()


class _Raw(io.RawIOBase):
    """Any binary stream as a raw one, to be buffered."""

    def __init__(self, stream: Any) -> None:
        # One read at a time: a loop of reads would lose what it has when a damaged file ends it.
        self._read = getattr(stream, "read1", stream.read)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        block = self._read(len(buffer))
        buffer[: len(block)] = block
        return len(block)


class _Zstd(io.RawIOBase):
    """A zstd stream, of one or several frames, decompressed; a frame that ends early raises EOFError."""

    def __init__(self, stream: "io.BufferedReader[Any]", name: str) -> None:
        try:
            import zstandard  # noqa: PLC0415 — an optional package
        except ImportError:
            message = f"{name} is compressed with zstd, which this installation cannot read"
            raise InputError(message, remedy="pip install 'mpm-elk[zstd]', or decompress the file first") from None
        self._stream = stream
        self._library = zstandard
        self._frame: Any = None
        self._rest = b""
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready:
            piece = self._rest or self._stream.read(_PIECE)
            self._rest = b""
            if not piece:
                if self._frame is not None:
                    message = "the compressed data ends in the middle of a frame"
                    raise EOFError(message)
                return 0
            self._ready = memoryview(self._decompress(piece))
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _decompress(self, piece: bytes) -> bytes:
        if self._frame is None:
            self._frame = self._library.ZstdDecompressor().decompressobj()
        try:
            out: bytes = self._frame.decompress(piece)
        except self._library.ZstdError as error:
            raise EOFError(str(error)) from error
        if self._frame.eof:
            self._rest = self._frame.unused_data
            self._frame = None
        return out
