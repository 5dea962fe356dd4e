"""What an event may hold: the limits that the models, the schemas and every intake path share."""

MODEL_NAME_MAX = 128
"""Characters of `mpm.model.name`."""

VERSION_MAX = 128
"""Characters of `mpm.model.version`."""

ENVIRONMENT_MAX = 64
"""Characters of `service.environment`."""

PREDICTION_ID_MAX = 512
"""Characters of `mpm.prediction.id`, and of the ids of requests, batches, queries and experiments."""

FEATURES_MAX = 2000
"""Features of one event, counted after nested names are joined with dots."""

FEATURE_NAME_MAX = 256
"""Characters of a feature's name, joined with dots."""

DEPTH_MAX = 16
"""Levels of nesting inside `mpm.features`. Elasticsearch itself stops at 20 levels."""

CATEGORY_MAX = 1024
"""Characters of a category, a label or a segment's value. Longer ones are stored, but not counted."""

LINE_MAX_BYTES = 1 << 20
"""Bytes of one line."""

MAX_AGE_DAYS = 400
"""How old `@timestamp` may be, so that a broken clock cannot create indices."""

MAX_AHEAD_SECONDS = 3600
"""How far `@timestamp` may be ahead of now."""

SEGMENT_VALUES_MAX = 200
COMBINATIONS_MAX = 100
"""How many values of a segment, and how many combinations of values, are counted apart; the rest is `(other)`."""

COMBINED_MAX = 3
"""How many segments a combination may have."""
