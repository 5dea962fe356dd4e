"""What a window is compared with, as a rule writes it."""

import difflib
import re
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer

from mpm_elk.timespan import Span, format_span, iso, parse_span, to_ms

_WEEKS_MAX = 12


class Reference(BaseModel):
    """What a window is compared with; `weeks` and `fixed` (start and end, ms) are those of the kinds called so."""

    model_config = ConfigDict(frozen=True)

    kind: Literal[
        "baseline",
        "training",
        "previous",
        "same-time-last-week",
        "same-time-last-weeks",
        "rolling",
        "version",
        "window",
    ]
    span: Span | None = None
    version: str | None = None
    weeks: int | None = None
    fixed: tuple[int, int] | None = None

    def __str__(self) -> str:
        """Write the reference as in `mpm.yml`."""
        if self.weeks is not None:
            return f"{self.kind} {self.weeks}"
        if self.fixed is not None:
            return f"{self.kind} {' '.join(map(short, self.fixed))}"
        if self.span is not None:
            return f"rolling {format_span(self.span)}"
        return f"version {self.version}" if self.version is not None else self.kind


def parse_reference(value: object) -> Reference:
    """Read `baseline`, `training`, `previous`, `same-time-last-week`, `rolling 28d`, `version 2` and the like."""
    if isinstance(value, Reference):
        return value
    text = value.strip() if isinstance(value, str) else ""
    if text in ("baseline", "training", "previous", "same-time-last-week"):
        return Reference.model_validate({"kind": text})
    if match := re.fullmatch(r"rolling\s+(\S+)", text):
        return Reference(kind="rolling", span=parse_span(match[1]))
    if match := re.fullmatch(r"version\s+(\S.*)", text):
        return Reference(kind="version", version=match[1])
    if match := re.fullmatch(r"same-time-last-weeks\s+(\d+)", text):
        return _weeks(int(match[1]))
    if match := re.fullmatch(r"window\s+(\S+)\s+(\S+)", text):
        return _window(match[1], match[2])
    msg = f"{value!r} is no reference: {_did_you_mean(text)}"
    raise ValueError(msg)


_FORMS = {
    "baseline": "baseline",
    "training": "training",
    "previous": "previous",
    "same-time-last-week": "same-time-last-week",
    "same-time-last-weeks": "same-time-last-weeks 4",
    "rolling": "rolling 28d",
    "version": "version 2",
    "window": "window 2026-01-01 2026-02-01",
}
"""Each kind of reference, as it is written."""


def _did_you_mean(text: str) -> str:
    word = (text.split() or [""])[0]
    if alike := difflib.get_close_matches(word, _FORMS, n=1, cutoff=0.75):
        return f"did you mean `{_FORMS[alike[0]]}`?"
    return f"write one of: {', '.join(_FORMS.values())}"


def _weeks(weeks: int) -> Reference:
    if not 1 <= weeks <= _WEEKS_MAX:
        msg = f"`same-time-last-weeks` takes 1 to {_WEEKS_MAX} weeks, not {weeks}"
        raise ValueError(msg)
    if weeks == 1:
        return Reference(kind="same-time-last-week")
    return Reference(kind="same-time-last-weeks", weeks=weeks)


def _window(start: str, end: str) -> Reference:
    try:
        fixed = to_ms(_instant(start)), to_ms(_instant(end))
    except ValueError as error:
        msg = f"`window` takes two dates, such as {_FORMS['window']} (the second is no part of it): {error}"
        raise ValueError(msg) from None
    if fixed[0] >= fixed[1]:
        msg = f"the fixed window ends ({end}) before it begins ({start}): exchange the two"
        raise ValueError(msg)
    return Reference(kind="window", fixed=fixed)


def _instant(text: str) -> datetime:
    """Read a date or a time; without a zone it is UTC."""
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def short(time: int) -> str:
    """Write midnights as dates."""
    return iso(time).removesuffix("T00:00:00.000Z")


ReferenceField = Annotated[Reference, BeforeValidator(parse_reference), PlainSerializer(str)]
