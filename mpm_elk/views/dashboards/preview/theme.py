"""Colours and letters of a preview, light and dark, near to those of Kibana. Pure."""

from dataclasses import dataclass
from typing import Any

SERIES = ("#54B399", "#6092C0", "#D36086", "#9170B8", "#CA8EAE", "#D6BF57", "#B9A888", "#DA8B45", "#AA6556", "#E7664C")
"""Kibana's palette that colour-blind people can tell apart."""

FONT = "Inter, 'Helvetica Neue', Arial, sans-serif"


@dataclass(frozen=True)
class Theme:
    """The colours of page, panel, text, lesser text, lines."""

    name: str
    page: str
    panel: str
    text: str
    subdued: str
    line: str

    def vega(self) -> dict[str, Any]:
        """Give the configuration of a Vega-Lite chart."""
        axis = {
            "labelColor": self.subdued,
            "titleColor": self.subdued,
            "gridColor": self.line,
            "domainColor": self.line,
            "tickColor": self.line,
            "labelFontSize": 11,
            "titleFontSize": 11,
            "titleFontWeight": "normal",
            "titlePadding": 8,
        }
        legend = {
            "labelColor": self.text,
            "titleColor": self.subdued,
            "labelFontSize": 11,
            "titleFontSize": 11,
            "titleFontWeight": "normal",
            "symbolType": "square",
        }
        return {
            "background": None,
            "font": FONT,
            "axis": axis,
            "legend": legend,
            "header": {"labelColor": self.text, "titleColor": self.subdued},
            "view": {"stroke": None},
            "range": {"category": list(SERIES)},
        }


LIGHT = Theme("light", "#F6F9FC", "#FFFFFF", "#1D2A3E", "#516381", "#E3E8F2")
DARK = Theme("dark", "#07101F", "#0F1A2D", "#E1E7F0", "#98A8C3", "#243147")
