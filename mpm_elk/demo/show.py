"""What the demo prints: the plan, how far it is, the table, and the totals."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime

from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from mpm_elk.demo import words
from mpm_elk.demo.incidents import INCIDENTS
from mpm_elk.demo.model import TRAINED_UNTIL
from mpm_elk.demo.run import Outcome
from mpm_elk.demo.table import Discovery, Row, describe
from mpm_elk.timespan import to_ms

_LINE_EVERY = 10
_PIPE_WIDTH = 150


class Screen:
    """Prints on a terminal with a bar, on a pipe in plain lines."""

    def __init__(self, *, stderr: bool = False) -> None:
        self._console = Console(stderr=stderr, highlight=False)
        if not self._console.is_terminal:
            self._console = Console(stderr=stderr, highlight=False, width=_PIPE_WIDTH)
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._days = 0

    def line(self, text: str = "", style: str | None = None) -> None:
        """Print one line as it is."""
        self._console.print(text, style=style, markup=False, soft_wrap=True)

    def step(self, text: str) -> None:
        """Say that something has been done."""
        self.line(f"  ✓ {text}")

    def day(self, number: int, day: date, events: int, alerts: int) -> None:
        """Move the bar; without one, print a line every ten days."""
        text = f"{words.day(datetime(day.year, day.month, day.day))}: {events:,} events, {alerts} alerts so far"  # noqa: DTZ001
        if self._bar is not None:
            self._bar.update(self._task, completed=number, description=text)
        elif number % _LINE_EVERY == 0 or number == self._days:
            self.line(f"    day {number} of {self._days}, {text}")

    @contextmanager
    def replaying(self, days: int) -> Iterator[None]:
        """Show a bar over `days` inside the block, where there is a terminal."""
        self._days = days
        if not self._console.is_terminal:
            yield
            return
        columns = (TextColumn("    {task.description}"), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self._console, transient=True) as bar:
            self._bar, self._task = bar, bar.add_task("replaying", total=days)
            try:
                yield
            finally:
                self._bar = None

    @contextmanager
    def waiting(self, text: str) -> Iterator[Callable[[str], None]]:
        """Give a function that says what is waited for: beside a spinner on a terminal, nothing on a pipe."""
        if not self._console.is_terminal:
            yield lambda _: None
            return
        with self._console.status(text) as status:
            yield status.update

    def plan(self, end: datetime, *, named: bool, keep: bool) -> None:
        """Say what is going to happen."""
        span = words.span(to_ms(TRAINED_UNTIL), to_ms(end))
        days = (end - TRAINED_UNTIL).days
        place = "use the Elasticsearch that MPM_ES_URL names" if named else "start an Elasticsearch of its own"
        stays = "the documents stay there" if named else "it stays up" if keep else "it is removed at the end"
        self.line("Real flights from New York, 2013: will a flight arrive 15 minutes late or more?", style="bold")
        self.line("This demo is going to")
        self.line(f"  1. {place} ({stays}), and install templates and roles")
        self.line("  2. train a model on January to March, register it, and store its training data as baseline")
        self.line(f"  3. replay {span} ({days} days): ship each day's predictions, then run the job as cron would")
        self.line("  4. list the alerts, and check that the planted incidents are among them. Planted are:")
        for incident in INCIDENTS:
            until = words.span(to_ms(incident.start), to_ms(incident.end)) if incident.end else ""
            when = until or f"from {words.day(incident.start)}"
            self.line(f"       {when}: {incident.what}")
        self.line()

    def table(self, rows: Sequence[Row]) -> None:
        """Print the alerts."""
        self.line()
        self.line(f"Alerts, as read from mpm-alerts-v1 by the user `reader` ({len(rows)} rows)", style="bold")
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for heading in ("when (2013, UTC)", "what", "how much", "how sure", "planted or real"):
            table.add_column(heading, overflow="fold")
        for row in rows:
            style = "bold" if row.origin.startswith("planted") else None
            table.add_row(row.when, row.what, row.how_much, row.how_sure, row.origin, style=style)
        self._console.print(table, markup=False) if rows else self.line("  none")
        self.line("real: in the flights' own data, not planted by this demo. What caused it was not checked.")

    def incidents(self, discoveries: Sequence[Discovery]) -> None:
        """Print a line for each planted incident."""
        self.line()
        self.line("Planted incidents", style="bold")
        for discovery in discoveries:
            self.line(f"  {describe(discovery)}", style="red" if discovery.missed else None)

    def totals(self, outcome: Outcome, seconds: Mapping[str, float], total: float) -> None:
        """Print how much was done, and where the time went."""
        withdrawn = sum(finding.withdrawn for finding in outcome.findings)
        self.line()
        self.line(
            f"{outcome.events:,} events shipped ({outcome.quarantined} in quarantine), {outcome.days} runs, "
            f"{outcome.metrics:,} metric documents, {len(outcome.findings)} alerts"
            + (f" ({withdrawn} of them withdrawn)" if withdrawn else "")
        )
        spent = ", ".join(f"{part} {taken:.0f} s" for part, taken in seconds.items())
        self.line(f"{total:.0f} s in all: {spent}")
        for notice in outcome.notices:
            self.line(f"note: {notice}", style="yellow")
