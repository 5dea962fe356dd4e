"""Draw a Vega-Lite specification as SVG. The library is an extra: `pip install 'mpm-elk[preview]'`."""

from collections.abc import Mapping
from typing import Any

from mpm_elk.errors import UsageError
from mpm_elk.views.dashboards.preview.theme import Theme

_SEVERAL = ("facet", "concat", "hconcat", "vconcat", "repeat")
_VERSION = "v5.20"


def sized(spec: Mapping[str, Any], width: int, height: int) -> dict[str, Any]:
    """Fit a specification into a panel (pixels); one of several charts says its sizes itself, as in Kibana."""
    if any(name in spec for name in _SEVERAL):
        return dict(spec)
    return {**spec, "width": width, "height": height, "autosize": {"type": "fit", "contains": "padding"}}


def svg(spec: Mapping[str, Any], theme: Theme) -> str:
    """Draw. Raises UsageError where the library is not installed."""
    try:
        import vl_convert  # noqa: PLC0415 — an extra
    except ModuleNotFoundError:
        raise UsageError(
            "the preview is drawn by vl-convert-python, which is not installed",
            remedy="pip install 'mpm-elk[preview]'",
        ) from None
    drawn: str = vl_convert.vegalite_to_svg(
        dict(spec), vl_version=_VERSION, config=theme.vega(), allowed_base_urls=[], show_warnings=False
    )
    return drawn
