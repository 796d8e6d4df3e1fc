"""How is an evaluation printed? Plain tables, each number with its interval."""

import math

from sightcheck.protocol.evaluate import Evaluation, Row
from sightcheck.protocol.held_out import LeaveOneOut
from sightcheck.protocol.metrics import Estimate
from sightcheck.report.report import visible


def to_text(found: Evaluation) -> str:
    """Evaluation -> Markdown, readable as it is."""
    real, fake = found.clips
    lines = [
        f"# {found.method}: {real} real and {fake} synthetic clips",
        "",
        "Held out: the generator, every clip of its sources and scenes, and a fifth of the real sources. AUC is the",
        "mean over generators with its 95 % interval over groups; matched pairs look alike in their metadata.",
        "",
        "| held out | AUC | by pairs | lowest | matched pairs |",
        "|---|---|---|---|---|",
        *(
            row(name, part)
            for name, part in (
                ("generator", found.by_generator),
                ("source", found.by_source),
                ("generator, all clips laundered", found.laundered),
                ("generator, real clips laundered", found.laundered_reals),
                ("control: metadata only", found.controls.metadata),
                ("control: length only", found.controls.length),
            )
            if part is not None
        ),
        "",
        f"Control, real against real: metadata {share(found.controls.sources_metadata.auc)}, "
        f"features {share(found.controls.sources_features.auc)} (AUC of telling one real source from the others).",
        "",
        *measures("All held-out clips", [Row("all", real + fake, found.overall)]),
        *measures("By generator", found.generators),
        *measures("By real source", found.sources),
        "Clips a class | AUC | balanced accuracy (mean of draws, 95 % of draws)",
        "---|---|---",
        *(f"{one.clips} | {number(one.auc)} | {number(one.balanced_accuracy)}" for one in found.shots),
        "",
        *(f"- {warning}" for warning in found.audit.warnings),
        *(f"- left out: {path}: {why}" for path, why in found.skipped),
    ]
    return "\n".join(visible(line) for line in lines)


def row(name: str, part: LeaveOneOut) -> str:
    """One protocol as a line of a table."""
    cells = (part.auc.macro, part.auc.weighted, part.auc.minimum, part.matched.macro)
    return f"| {name} | " + " | ".join(number(cell) for cell in cells) + " |"


def measures(title: str, rows: "tuple[Row, ...] | list[Row]") -> list[str]:
    """Rows of measures as a table."""
    if not rows:
        return []
    names = [name for name, _ in rows[0].measures]
    return [
        f"| {title} | clips | " + " | ".join(names) + " |",
        "|---" * (len(names) + 2) + "|",
        *(
            f"| {one.name} | {one.clips} | " + " | ".join(number(value) for _, value in one.measures) + " |"
            for one in rows
        ),
        "",
    ]


def number(value: Estimate) -> str:
    """A value with its interval: .91 [.85, .95]."""
    if math.isnan(value.value):
        return "-"
    interval = "" if math.isnan(value.low) else f" [{share(value.low)}, {share(value.high)}]"
    return share(value.value) + interval


def share(value: float | None) -> str:
    """A fraction with two decimals and no leading zero."""
    if value is None or math.isnan(value):
        return "-"
    text = f"{value:.2f}"
    return text[1:] if text.startswith("0.") else text
