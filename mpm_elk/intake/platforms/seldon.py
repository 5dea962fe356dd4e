"""Seldon Core's request logger: CloudEvents over HTTP, whose halves meet by `requestid`."""

from collections.abc import Mapping
from functools import partial

from mpm_elk.intake.platforms.bodies import exchange
from mpm_elk.intake.platforms.cloudevents import read_inference
from mpm_elk.intake.platforms.shape import CloudEvents, Platform

NAME = "seldon"


def _owns(attributes: Mapping[str, str]) -> bool:
    return attributes.get("type", "").startswith("io.seldon.serving.") or "requestid" in attributes


PLATFORM = Platform(NAME, exchange, events=CloudEvents(_owns, partial(read_inference, platform=NAME, node="modelid")))
