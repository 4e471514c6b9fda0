"""All parts as Markdown: the table that belongs in docs/records.md."""

from __future__ import annotations

from benchmarks.gpu.setting import WIDTHS, Results

CLOSE = 1e-8  # relative difference of parameters in float64, GPU against processor
TITLES = {
    "again": "The same bits again, and from a state",
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
            f"A plain loop of one trial {one:,.0f} images/s; several at once "
            f"{found['error'] if many is None else f'{many:,.0f}'}.",
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
            ratio = "" if many is None else f"{own / many:.1f}"
            lines.append(f"{first} {own:,.0f}{eager} | {own / one:.1f} | {ratio} | {memory} |")
    for name, title in TITLES.items():
        if name in results:
            lines += ["", f"## {title}", ""]
            lines += [f"{what}: {value}  " for what, value in results[name].items()]
    if "equality" in results:
        lines += ["", "## Equal numbers", ""]
        lines += ["| entry | recorded is eager | kept is recorded | float64 |", "|---|---|---|---|"]
        for name, row in results["equality"].items():
            if "error" in row:
                lines.append(f"| {name} | {row['error']} | | |")
                continue
            away = row["float64 from a processor"]
            close = f"{away:.1e}" + ("" if away <= CLOSE else ", too far")
            same = ["yes" if row[what] else "no" for what in ("recorded is eager", "kept is recorded")]
            lines.append(f"| {name} | {' | '.join(same)} | {close} |")
    if "convolutions" in results:
        lines += _convolutions(results["convolutions"])
    return "\n".join(lines) + "\n"


def _convolutions(found: Results) -> list[str]:
    """Return the ways to convolve: milliseconds for each task, and what the choice brings to a net."""
    names = ("grouped", "branches", "columns", "fused")
    lines = ["", "## Ways to convolve", "", "Milliseconds forward and back, the chosen one in bold.", ""]
    lines += [f"| trials | precision | task | {' | '.join(names)} |", f"|{'---|' * (3 + len(names))}"]
    for row in found["timed"]:
        for task, ms in row["ms"].items():
            shown = [f"{ms[name]:.3f}" if name in ms else "" for name in names]
            shown = [
                f"**{each}**" if row["chosen"][task] == name else each
                for name, each in zip(names, shown, strict=True)
            ]
            lines.append(
                f"| {row['net']} × {row['trials']} | {row['precision']} | {task} | {' | '.join(shown)} |"
            )
    lines += ["", "| trials | precision | trial-images/s |", "|---|---|---|"]
    for row in found["timed"]:
        rates = ", ".join(f"{name} {own:,.0f}" for name, own in row["images/s"].items())
        lines.append(f"| {row['net']} × {row['trials']} | {row['precision']} | {rates} |")
    lines += ["", "| way | away from float64 |", "|---|---|"]
    for case, away in found["errors"].items():
        lines.append(f"| {case} | {away if isinstance(away, str) else f'{away:.1e}'} |")
    for row in found["timed"]:
        lines += [
            f"Left out, {row['net']} × {row['trials']}: {way}: {why}  "
            for way, why in row["left out"].items()
        ]
    return lines
