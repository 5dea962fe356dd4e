"""Show on a terminal what a run is doing and how far it is; nothing on a pipe."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from mpm_elk.job.meter import Meter, Metered

_LONG = 48
"""Steps of fewer hours or windows are over before anybody could read of them."""


@contextmanager
def progress(console: "Console | None" = None) -> "Iterator[tuple[Callable[[str], None], Metered]]":
    """Give what tells of the current step, and what tells how far a long one is: done of all, events, rate, time left.

    `console` stands in for the terminal on standard error.
    """
    if console is None and not sys.stderr.isatty():
        yield lambda _: None, lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[far]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console or Console(stderr=True), transient=True) as bars:
        line = bars.add_task("looking for what is new", total=None, far="")
        long: dict[str, TaskID] = {}

        def say(text: str) -> None:
            bars.update(line, description=text)

        def meter(at: "Meter") -> None:
            if at.total < _LONG:
                return
            name = f"{at.model}: {at.step}"
            if name not in long:
                long[name] = bars.add_task(name, total=at.total, far="")
            task = bars.tasks[[one.id for one in bars.tasks].index(long[name])]
            bars.update(long[name], completed=at.done, far=far(at, task.elapsed))
            if at.done >= at.total:
                bars.remove_task(long.pop(name))

        yield say, meter


def far(at: "Meter", seconds: float | None) -> str:
    """Say how much of a step is done, and how fast."""
    text = f"{at.done:,} of {at.total:,} {at.unit}"
    if not at.events:
        return text
    text += f", {at.events:,} events"
    return f"{text}, {at.events / seconds:,.0f} a second" if seconds else text
