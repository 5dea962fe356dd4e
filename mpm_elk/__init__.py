"""Model performance management on the Elastic stack."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mpm_elk.notebook.classify import classify
    from mpm_elk.notebook.compare import compare
    from mpm_elk.notebook.result import Comparison

__version__ = "0.1.0"
__all__ = ["Comparison", "__version__", "classify", "compare"]

_LAZY = {
    "classify": "mpm_elk.notebook.classify",
    "compare": "mpm_elk.notebook.compare",
    "Comparison": "mpm_elk.notebook.result",
}


def __getattr__(name: str) -> Any:
    """Import what a notebook uses when it is first asked for, so that `import mpm_elk` stays light."""
    if name not in _LAZY:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    import importlib  # noqa: PLC0415

    return getattr(importlib.import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    """List what there is, also what is not imported yet."""
    return sorted({*globals(), *_LAZY})
