"""All parts as Markdown: the table that belongs in docs/records.md."""

from __future__ import annotations

from benchmarks.gpu.setting import WIDTHS, Results

CLOSE = 1e-8  # relative difference of parameters in float64, GPU against processor
TITLES = {
    "service": "The service, a runner killed once",
    "thousand-trials": "A thousand trials, one worker",
}


def table(results: dict[str, Results]) -> str:
    """Return all parts as Markdown."""
    lines = [f"{name}: {value}  " for name, value in results.get("machine", {}).items()]
    for net in WIDTHS:
        if net not in results:
            continue
        found = results[net]
        one, many = found["plain loop"], found["plain loops at once"]
        lines += [
            "",
            f"## {net}",
            "",
            f"A plain loop of one trial {one:,.0f} images/s; several at once {many:,.0f}.",
            "",
            "| trials | precision | trial-images/s | × one loop | × loops at once | memory GiB |",
            "|---|---|---|---|---|---|",
        ]
        for row in found["arrays"]:
            first = f"| {row['trials']} | {row['precision']} |"
            if "error" in row:
                lines.append(f"{first} {row['error']} | | | |")
                continue
            own = row["images/s"]
            eager = " (eager)" if "eager" in row else ""
            memory = row.get("memory GiB", "")
            lines.append(f"{first} {own:,.0f}{eager} | {own / one:.1f} | {own / many:.1f} | {memory} |")
    for name, title in TITLES.items():
        if name in results:
            lines += ["", f"## {title}", ""]
            lines += [f"{what}: {value}  " for what, value in results[name].items()]
    if "equality" in results:
        lines += ["", "## Equal numbers", "", "| entry | recorded is eager | float64 |", "|---|---|---|"]
        for name, row in results["equality"].items():
            if "error" in row:
                lines.append(f"| {name} | {row['error']} | |")
                continue
            away = row["float64 from a processor"]
            close = f"{away:.1e}" + ("" if away <= CLOSE else ", too far")
            lines.append(f"| {name} | {'yes' if row['recorded is eager'] else 'no'} | {close} |")
    return "\n".join(lines) + "\n"
