"""The structure of JSON text without reading it: where values end, and how deep they nest.

Only strings and brackets are looked at, so a fault inside one element of an array does not hide the others.
"""

import re
from collections.abc import Iterator

_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},]', re.DOTALL)
_OPENS, _CLOSES = b"[{", b"]}"

SPACE = b" \t\r\n"
"""What JSON calls white space."""


def deeper_than(text: bytes, limit: int) -> bool:
    """Tell whether brackets nest deeper than `limit` levels."""
    depth = 0
    for token in _TOKEN.finditer(text):
        byte = text[token.start()]
        if byte in _OPENS:
            depth += 1
            if depth > limit:
                return True
        elif byte in _CLOSES:
            depth -= 1
    return False


def value_end(text: bytes) -> int | None:
    """Give the place after the object or array that `text` starts with; None where it does not end."""
    depth = 0
    for token in _TOKEN.finditer(text):
        byte = text[token.start()]
        if byte in _OPENS:
            depth += 1
        elif byte in _CLOSES:
            depth -= 1
            if depth <= 0:
                return token.end()
    return None


def elements(array: bytes) -> Iterator[bytes]:
    """Cut the text of an array at its commas; what is blank is left out.

    What stands behind the array's end is one more element, and an array without an end ends with the text: nothing of
    it is lost.
    """
    start, depth = 1, 0
    for token in _TOKEN.finditer(array):
        byte = array[token.start()]
        if byte in _OPENS:
            depth += 1
            continue
        if byte in _CLOSES:
            depth -= 1
        if depth == 0 or (byte == ord(",") and depth == 1):
            if element := array[start : token.start()].strip(SPACE):
                yield element
            start = token.end()
        if depth == 0:
            break
    if rest := array[start:].strip(SPACE):
        yield rest
