"""Check the fields of an event; what can be mended without doubt is mended in place. Each check raises Rejected."""

import sys
from typing import Any

from mpm_elk.contract.limits import ENVIRONMENT_MAX, FEATURE_NAME_MAX, PREDICTION_ID_MAX
from mpm_elk.intake.reasons import Rejected, show, show_name

Object = dict[str, Any]

DEFAULT_ENVIRONMENT = "production"

_ROOTS = frozenset({"mpm", "event", "service", "ecs"})
_OUTCOMES = ("success", "failure", "unknown")


def undot_roots(event: Object) -> None:
    """Nest the dotted keys of what the intake reads (`"mpm.model.name": …`), as ECS loggers write them."""
    _undot(event, _ROOTS)


def undot(holder: Object) -> None:
    """Nest every dotted key of `holder`, one level."""
    _undot(holder, None)


def _undot(holder: Object, roots: frozenset[str] | None) -> None:
    dotted = [key for key in holder if "." in key]
    for key in dotted:
        head, rest = key.split(".", 1)
        if roots is not None and head not in roots:
            continue
        value = holder.pop(key)
        inner = holder.setdefault(head, {})
        if type(inner) is not dict or rest in inner:
            raise Rejected("name_clash", field=show_name(key))
        inner[rest] = value


def mend_logstash(event: Object) -> None:
    """Take out `@version` and `@metadata`, which Logstash and its loggers set for themselves, and check `tags`.

    Logstash keeps no `tags` but texts, so both ways in take no others.
    """
    event.pop("@version", None)
    event.pop("@metadata", None)
    tags = event.get("tags")
    if tags is None:
        event.pop("tags", None)
        return
    if type(tags) is str or (type(tags) is list and all(type(tag) is str for tag in tags)):
        return
    raise Rejected("wrong_type", field="tags", wanted="a text or an array of texts", found=show(tags))


def mpm_of(event: Object) -> Object:
    """Give the event's `mpm`, with its dotted keys nested."""
    mpm = need(event, "mpm", "mpm")
    undot(mpm)
    return mpm


def opened(event: Object) -> tuple[Object, Any]:
    """Bring an event into its nested form, and give what every one has: its `mpm`, and its time as it is written."""
    undot_roots(event)
    mend_logstash(event)
    mpm, at = mpm_of(event), event.get("@timestamp")
    if at is None:
        raise Rejected("missing_field", field="@timestamp")
    return mpm, at


def environment_of(event: Object) -> str:
    """Make `service` where it is not there, and give the environment that it names or that is the default."""
    service = object_or_none(event, "service", "service")
    if service is None:
        service = event["service"] = {}
    if service.get("environment") is None:
        service["environment"] = DEFAULT_ENVIRONMENT
    environment = key(service, "environment", "service.environment", ENVIRONMENT_MAX)
    for name in ("name", "version"):
        optional(service, name, f"service.{name}", PREDICTION_ID_MAX)
    return environment


def event_of(event: Object) -> Object:
    """Give ECS `event`, made where it was not there; its outcome and duration are checked, for they are counted."""
    about = object_or_none(event, "event", "event")
    if about is None:
        about = event["event"] = {}
    outcome, duration = about.get("outcome"), about.get("duration")
    if outcome is not None and outcome not in _OUTCOMES:
        raise Rejected("wrong_type", field="event.outcome", wanted="success, failure or unknown", found=show(outcome))
    if duration is not None:
        whole(duration, "event.duration", 2**63)
    return about


def object_or_none(holder: Object, name: str, field: str) -> Object | None:
    """Give the object under `name`, None where nothing is there."""
    value = holder.get(name)
    if value is None or type(value) is dict:
        return value
    raise Rejected("wrong_type", field=field, wanted="an object", found=show(value))


def need(holder: Object, name: str, field: str) -> Object:
    """Give the object under `name`, which must be there."""
    value = object_or_none(holder, name, field)
    if value is None:
        raise Rejected("missing_field", field=field)
    return value


def key(holder: Object, name: str, field: str, limit: int) -> str:
    """Give the text under `name`, which must be there; an integer is written in decimals, in the event too."""
    value = holder.get(name)
    if value is None:
        raise Rejected("missing_field", field=field)
    written = holder[name] = text(value, field, limit, booleans=False)
    return written


def optional(holder: Object, name: str, field: str, limit: int) -> str:
    """Give a text that need not be there: then it is empty."""
    return key(holder, name, field, limit) if holder.get(name) is not None else ""


def text(value: Any, field: str, limit: int, *, booleans: bool) -> str:
    """Give a text of 1 to `limit` characters; an integer, and where it is allowed a boolean, is written as one."""
    kind = type(value)
    if kind is str:
        written: str = value
    elif kind is int and value.bit_length() < 4096:
        written = str(value)
    elif kind is bool and booleans:
        written = "true" if value else "false"
    else:
        wanted = "a text, an integer or a boolean" if booleans else "a text or an integer"
        raise Rejected("wrong_type", field=field, wanted=wanted, found=show(value))
    if not written:
        raise Rejected("empty_field", field=field)
    if len(written) > limit:
        raise Rejected("too_long", field=field, length=len(written), limit=limit, found=show(written))
    return written


def number(value: Any, field: str) -> None:
    """Make sure that `value` is a number that a finite double can hold."""
    if type(value) is not float and type(value) is not int:
        raise Rejected("wrong_type", field=field, wanted="a number", found=show(value))
    if not -sys.float_info.max <= value <= sys.float_info.max:
        raise Rejected("not_finite", field=field, found=show(value))


def numbers(values: Object, field: str) -> None:
    """Make sure that all values of an object are such numbers, and their names can be fields."""
    for name, value in values.items():
        check_name(name, field)
        number(value, f"{field}.{show_name(name)}")


def whole(value: Any, field: str, below: int) -> None:
    """Make sure that `value` is a whole number from 0 to `below` - 1."""
    if type(value) is not int or not 0 <= value < below:
        raise Rejected("wrong_type", field=field, wanted=f"a whole number from 0 to {below - 1}", found=show(value))


def check_name(name: str, field: str) -> None:
    """Refuse a name that is too long, or empty or only white space, which Elasticsearch refuses (measured on 9.5.3).

    White space is what Unicode calls so, and U+001C to U+001F.
    """
    if len(name) > FEATURE_NAME_MAX:
        raise Rejected("name_too_long", field=field, length=len(name), limit=FEATURE_NAME_MAX, found=show(name))
    if not name.strip():
        raise Rejected("bad_name", field=field, found=show(name))
