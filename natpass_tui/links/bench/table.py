"""The report of a bench for a terminal or a file: the same text, with colours only on a terminal. Pure."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from natpass_tui.links.bench.report import UNKNOWN, BenchReport, Times, Transfer, shown_rate, shown_time

_BAR = 24
_LABELS = 42


def renderable(report: BenchReport) -> RenderableType:
    """Return the report for rich."""
    head = Text.assemble(
        ("bench of ", ""),
        (report.agent, "bold"),
        f" through {report.relay}",
        "" if report.is_sealed else " (not sealed)",
    )
    parts: list[RenderableType] = [head]
    if report.stopped:
        parts.append(Text(f"stopped early: {report.stopped}", style="yellow"))
    parts += [Text(), _round_trips(report), Text(), _rates(report), Text(), _where(report)]
    return Group(*parts, Text(), Text(UNKNOWN, style="dim"))


def _table(*heads: str) -> Table:
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold")
    table.add_column(heads[0], min_width=_LABELS, no_wrap=True)
    for head in heads[1:]:
        table.add_column(head, justify="right", no_wrap=True, min_width=9)
    return table


def _round_trips(report: BenchReport) -> Table:
    table = _table("round trips", "p50", "p99", "samples")

    def row(label: str, times: Times) -> None:
        table.add_row(f"  {label}", shown_time(times.p50), shown_time(times.p99), str(len(times.samples) or "-"))

    row("to the relay", report.to_relay)
    table.add_row("  between relay and agent (one ping)", shown_time(report.beyond), "-", "-")
    row("to the agent (echo), nothing else going on", report.idle)
    row("to the agent, while it sends", report.down.echoes)
    row("to the agent, while we send", report.up.echoes)
    return table


def _rates(report: BenchReport) -> Table:
    table = _table("throughput, one link", "rate", "carried", "our CPU")

    def row(label: str, transfer: Transfer) -> None:
        carried = f"{transfer.size / 1e6:.3g} MB" if transfer.size else "-"
        table.add_row(f"  {label}", shown_rate(transfer.rate), carried, _share(transfer.cpu, transfer.seconds))

    row("from the agent", report.down)
    row("to the agent", report.up)
    return table


def _where(report: BenchReport) -> Table:
    table = _table("where the time of an echo goes", "p50", "")
    table.columns[-1].justify = "left"
    whole = report.idle.p50 or 0.0
    for part in report.parts:
        share = min(1.0, part.seconds / whole) if part.seconds is not None and whole else 0.0
        table.add_row(f"  {part.label}", shown_time(part.seconds), Text("█" * round(share * _BAR), style="cyan"))
    count = len(report.idle.samples)
    each = report.idle_cpu / count if count else None
    table.add_row("  CPU time of this process in one echo", shown_time(each), "")
    table.add_row("once: open a link, with its handshake", shown_time(report.opening), "")
    table.add_row("once: connect, log in and open the first", shown_time(report.start), "")
    if report.resumes:
        table.add_row("connections lost on the way", str(report.resumes), "")
    return table


def _share(cpu: float, seconds: float) -> str:
    return f"{100 * cpu / seconds:.0f} %" if seconds > 0 else "-"
