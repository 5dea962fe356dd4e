"""What Elasticsearch is told about the fields of each kind of document (design §3)."""

from typing import Any

from mpm_elk.contract.fields import (
    BOOLEAN,
    DATE,
    DOUBLE,
    INTEGER,
    KEYWORD,
    LONG,
    MODEL,
    NUMBER,
    OPEN,
    RULE,
    SEGMENTS,
    SHORT,
    SHOWN,
    STORED,
    TEXT,
    Mapping,
    document,
    every,
    group,
    measured,
)
from mpm_elk.contract.limits import CATEGORY_MAX
from mpm_elk.contract.names import Index

_FEATURE_NUMBER: Mapping = {**NUMBER, "ignore_malformed": True, "coerce": False}
"""A text in a numeric feature is kept in `_source`, listed in `_ignored`, and never counted as a number."""

_FEATURE_CATEGORY: Mapping = {"type": "keyword", "index": False, "ignore_above": CATEGORY_MAX}
"""Doc values answer `terms`, `missing` and `exists`; a filter on a feature is rare, and works without an index too."""

_SUBJECT = group(name=KEYWORD, type=KEYWORD, kind=KEYWORD)

_PREDICTIONS = document(
    {
        "model": MODEL,
        "prediction": group(
            id=KEYWORD,
            bucket=SHORT,
            label=TEXT,
            probabilities=OPEN,
            propensity=NUMBER,
            score=NUMBER,
            threshold=NUMBER,
            value=NUMBER,
            weight=NUMBER,
        ),
        "features": group(numeric=OPEN, categorical=OPEN, unsupported=STORED),
        "features_invalid": KEYWORD,
        "segment": OPEN,
        "request": group(id=KEYWORD),
        "batch": group(id=KEYWORD),
        "query": group(id=KEYWORD, rank=INTEGER),
        "experiment": group(id=KEYWORD, arm=KEYWORD),
        "attributions": group(base_value=NUMBER, values=OPEN),
    },
    [
        every("mpm.features.numeric", _FEATURE_NUMBER),
        every("mpm.features.categorical", _FEATURE_CATEGORY),
        every("mpm.prediction.probabilities", NUMBER),
        every("mpm.attributions.values", NUMBER),
    ],
    SEGMENTS,
)

_GROUND_TRUTH = document(
    {
        "model": MODEL,
        "prediction": group(id=KEYWORD),
        "request": group(id=KEYWORD),
        # The truth may be a label or a number. As text it takes both; as `value.number` it is one where it can be.
        "ground_truth": group(
            value={**TEXT, "fields": {"number": {**NUMBER, "ignore_malformed": True}}},
            source=KEYWORD,
        ),
    }
)

_PROFILES = document(
    {
        "model": MODEL,
        "segment": OPEN,
        "segment_key": KEYWORD,
        "profile": group(
            granularity=KEYWORD,
            start=DATE,
            end=DATE,
            count=LONG,
            failures=LONG,
            cells_hash=KEYWORD,
            hash=KEYWORD,
            subjects=STORED,
            joint=STORED,
        ),
        "run": group(id=KEYWORD),
    },
    SEGMENTS,
)

_METRICS = document(
    {
        "model": MODEL,
        "subject": _SUBJECT,
        "segment": OPEN,
        "segment_key": KEYWORD,
        "window": group(start=DATE, end=DATE, length=KEYWORD),
        "reference": group(
            kind=KEYWORD, baseline=KEYWORD, versions=KEYWORD, start=DATE, end=DATE, windows=INTEGER, excluded=INTEGER
        ),
        "sample": group(window=LONG, reference=LONG),
        "drift": OPEN,
        "quality": OPEN,
        "traffic": OPEN,
        "dispersion": OPEN,
        "status": KEYWORD,
        "learning": BOOLEAN,
        "finding": SHOWN,
        "distributions": STORED,
        "evaluations": STORED,
        "revision": group(number=INTEGER, cause=KEYWORD, first_value=STORED),
        "hash": KEYWORD,
        "run": group(id=KEYWORD),
    },
    *(measured(f"mpm.{family}") for family in ("drift", "quality", "traffic", "dispersion")),
    SEGMENTS,
)

_ALERT: dict[str, Mapping] = {
    "model": MODEL,
    "subject": _SUBJECT,
    "segment": OPEN,
    "segment_key": KEYWORD,
    "window": group(start=DATE, end=DATE, length=KEYWORD),
    "alert": group(
        instance=group(id=KEYWORD),
        uuid=KEYWORD,
        status=KEYWORD,
        previous_status=KEYWORD,
        workflow_status=KEYWORD,
        assignee=KEYWORD,
        verdict=KEYWORD,
        muted_until=DATE,
        handled=group(action=KEYWORD, by=KEYWORD, at=DATE, note=TEXT),
        start=DATE,
        end=DATE,
        last_detected=DATE,
        last_window=DATE,
        updated_at=DATE,
        duration=group(us=LONG),
        severity=KEYWORD,
        max_severity=KEYWORD,
        reason=TEXT,
        evaluation=group(metric=KEYWORD, value=DOUBLE, lower=DOUBLE, upper=DOUBLE, threshold=DOUBLE, p_adjusted=DOUBLE),
        flapping=BOOLEAN,
        windows=INTEGER,
        opened_at=DATE,
        recovering_since=DATE,
        recovered_at=DATE,
        no_data_since=DATE,
        worse=BOOLEAN,
        inhibited_by=KEYWORD,
    ),
    "notification": group(id=KEYWORD, channel=KEYWORD, transitions=KEYWORD, until=DATE, message=STORED),
    "owner": KEYWORD,
    "runbook": KEYWORD,
    "links": STORED,
    "evidence": STORED,
    "run": group(id=KEYWORD),
}

_ALERTS = document(_ALERT, SEGMENTS, rule=RULE)

_RUNS = document(
    {
        "model": MODEL,
        "run": group(
            id=KEYWORD,
            started=DATE,
            ended=DATE,
            models=KEYWORD,
            counts=OPEN,
            problems=STORED,
        ),
    },
    [every("mpm.run.counts", LONG)],
)

_MODELS = document(
    {
        "kind": KEYWORD,
        "model": group(name=KEYWORD, version=KEYWORD, type=KEYWORD),
        "status": KEYWORD,
        "owner": KEYWORD,
        "hash": KEYWORD,
        "cells_hash": KEYWORD,
        "schema": STORED,
        "cells": STORED,
    }
)

_BASELINES = document(
    {
        "kind": KEYWORD,
        "model": MODEL,
        "baseline": group(
            id=KEYWORD, name=KEYWORD, source=KEYWORD, hash=KEYWORD, cells_hash=KEYWORD, count=LONG, start=DATE, end=DATE
        ),
        "schema": STORED,
        "cells": STORED,
        "counts": STORED,
    }
)

_AUDIT = document(
    {
        "model": MODEL,
        "baseline": group(id=KEYWORD, name=KEYWORD),
        "alert": group(uuid=KEYWORD, instance=group(id=KEYWORD)),
        "run": group(id=KEYWORD),
        "change": STORED,
    },
    rule=RULE,
)

_CAPTURES = document(
    {
        "capture": group(
            platform=KEYWORD,
            part=KEYWORD,
            call=group(id=KEYWORD),
            endpoint=KEYWORD,
            content_type=TEXT,
            attributes=STORED,
            source=TEXT,
            payload=SHOWN,
            payload_base64=SHOWN,
            bytes=LONG,
            # Written by the job, into the captured halves: what became of them.
            conversion=group(
                state=KEYWORD,
                reason=TEXT,
                reason_code=KEYWORD,
                mapping=KEYWORD,
                at=DATE,
                time=DATE,
                predictions=STORED,
            ),
        )
    }
)

_QUARANTINE = document(
    {
        "model": MODEL,
        "quarantine": group(
            state=KEYWORD,
            source=TEXT,
            line=LONG,
            bytes=LONG,
            reason_code=KEYWORD,
            updated=DATE,
            attempts=INTEGER,
            truncated=BOOLEAN,
            raw_base64=SHOWN,
        ),
        "run": group(id=KEYWORD),
    }
)

_STATE: dict[str, Any] = {
    # Leases and read positions are read by id. What is not searched needs no mapping.
    "dynamic": False,
    "properties": {"@timestamp": DATE, "mpm": group(state=group(kind=KEYWORD))},
}

MAPPINGS: dict[Index, Mapping] = {
    Index.PREDICTIONS: _PREDICTIONS,
    Index.GROUND_TRUTH: _GROUND_TRUTH,
    Index.CAPTURES: _CAPTURES,
    Index.PROFILES: _PROFILES,
    Index.METRICS: _METRICS,
    Index.ALERTS: _ALERTS,
    Index.ALERT_EVENTS: _ALERTS,
    Index.RUNS: _RUNS,
    Index.MODELS: _MODELS,
    Index.BASELINES: _BASELINES,
    Index.AUDIT: _AUDIT,
    Index.QUARANTINE: _QUARANTINE,
    Index.STATE: _STATE,
}
"""The mapping of each kind of index."""
