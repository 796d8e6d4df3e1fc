"""How does a table of the thesis come out here? Its cells run, counted as it counts, beside what it printed."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sightcheck.bench.tables import costs, likeness, scores
from sightcheck.bench.tables.compared import Compared
from sightcheck.bench.tables.fits import Fits, Taught, Tested
from sightcheck.bench.tables.grid import Result
from sightcheck.bench.tables.layout import Collection
from sightcheck.bench.tables.parts import shares
from sightcheck.bench.tables.plans import CNN, FULL, FUSION, TEXTURE, Cell, Plan, Shortened
from sightcheck.bench.tables.published import Printed, printed
from sightcheck.bench.tables.scores import Heard, Measured, Rate
from sightcheck.errors import UsageError
from sightcheck.protocol.contender import Method, Told

VALIDATED = {"4": ("Fit",)}
"""Chapter -> the subsets with validation clips for training (4.4.1: Swap and Puppet are too small); else all."""

THRESHOLDS = ("4.7", "4.8", "4.9")
"""Tables of the same fits: 4.7 already asks about the validation clips that the others set their thresholds on."""


def run(
    plan: Plan,
    clips: Collection,
    make: Callable[[str], Method],
    shortened: Shortened = FULL,
    told: Told = lambda done, what: None,
) -> Compared:
    """A table's plan, its clips, what gives a method by name -> ours beside published.

    What was done before is not done again, so a run that was stopped goes on. Raises UsageError where no cell could be
    run, and whatever `make` raises.
    """
    chapter, dealt = plan.number[0], shares(plan.number, clips.own)
    fits = Fits(clips, dealt, make, f"{shortened}", VALIDATED.get(chapter), by_sequence=chapter == "4")
    running = _Run(plan, fits, shortened, told)
    running.ask()
    results = tuple(running.result(cell) for cell in plan.cells if clips.own or not running.beyond(cell))
    if all(one.ours is None and not one.ours_text for one in results):
        why = results[0].note if results else "every cell asks for more clips than there are to teach"
        raise UsageError(f"table {plan.number}: no cell could be run on {clips.path}: {why}")
    return Compared(
        number=plan.number,
        title=plan.title,
        results=results,
        notes=(*running.printed.notes, *clips.notes, *running.notes()),
        data=described(clips, running.fits),
        percent=running.printed.percent,
        text=plan.cells[0].metric in costs.METRICS,
    )


@dataclass
class _Run:
    """One table in the making: what was heard of each fit and test set, or why nothing was."""

    plan: Plan
    fits: Fits
    shortened: Shortened
    told: Told
    found: dict[tuple[Taught, Tested], Heard] = field(default_factory=dict)
    failed: dict[Taught, str] = field(default_factory=dict)
    shared: dict[tuple[str, str, str], frozenset[str]] = field(default_factory=dict)

    @property
    def printed(self) -> Printed:
        """The table in the thesis."""
        return printed(self.plan.number)

    def ask(self) -> None:
        """Teach and test all that the cells need, each once."""
        asked: dict[Taught, dict[Tested, None]] = {}
        for cell in self.plan.cells:
            for taught, test in self.needs(cell):
                asked.setdefault(taught, {})[test] = None
        for name in dict.fromkeys(taught.method for taught in asked):
            self.fits.make(name)  # what is missing is said before any work
        for number, (taught, tests) in enumerate(asked.items()):
            step = self.step(number, len(asked), f"{taught.method}, {taught.subset} {taught.quality}".rstrip(", "))
            try:
                heard = self.fits.heard(taught, tuple(tests), step)
            except UsageError as error:
                self.failed[taught] = str(error)
                continue
            self.found |= {(taught, test): one for test, one in zip(tests, heard, strict=True)}

    def step(self, number: int, of: int, what: str) -> Told:
        """Progress of one of several fits."""
        self.told(number / max(of, 1), what)
        return lambda done, told: self.told((number + done) / max(of, 1), f"{what}: {told}")

    def needs(self, cell: Cell) -> Iterator[tuple[Taught, Tested]]:
        """What a cell is counted from; nothing where it cannot be taught as it asks."""
        if cell.metric in (*likeness.METRICS, *costs.METRICS) or self.wanting(cell):
            return
        for taught in self.taught(cell):
            yield taught, Tested(cell.test, cell.test_quality)
            if self.plan.number in THRESHOLDS:
                yield taught, Tested(cell.train, cell.test_quality, "validation")

    def taught(self, cell: Cell) -> tuple[Taught, ...]:
        """The fits behind a cell: both parts of a fusion, else one."""
        count = min(cell.count, self.fits.there(cell.train)) if cell.count else 0
        fusion = cell.method == FUSION or cell.metric == "change by fusion"
        methods = (TEXTURE, CNN) if fusion else (cell.method,)
        return tuple(Taught(method, cell.train, cell.train_quality, count) for method in methods)

    def wanting(self, cell: Cell) -> str:
        """Why a cell cannot be run, or ""."""
        if not cell.train:
            return ""
        there, name = self.fits.there(cell.train), self.fits.clips.named(cell.train)
        if not there:
            return f"{name} has no clips of both labels to teach"
        return f"{name} has {there} clips a class to teach" if self.beyond(cell) else ""

    def beyond(self, cell: Cell) -> bool:
        """Whether a cell of a curve over the number of clips asks for more than there are."""
        curve = len({other.count for other in self.plan.cells}) > 1
        return curve and cell.count > self.fits.there(cell.train)

    def result(self, cell: Cell) -> Result:
        """One cell of the table, ours beside published."""
        clips, wanting = self.fits.clips, self.wanting(cell)
        found = Measured(note=wanting) if wanting else self.measured(cell)
        given, notes = None, [found.note]
        if clips.own:
            given = self.printed.numbers.get(cell.address)
            if cell.address in self.printed.contradictions:
                was, derived = self.printed.contradictions[cell.address]
                notes.append(f"printed {was:g}, but the tables it comes from give {derived:g}")
        return Result(
            row=clips.named(cell.row),
            column=clips.named(cell.column),
            method=cell.method,
            metric=cell.metric,
            ours=found.ours,
            published=None if isinstance(given, str) else given,
            note="; ".join(filter(None, notes)),
            ours_text=found.text,
            published_text=given if isinstance(given, str) else "",
        )

    def measured(self, cell: Cell) -> Measured:
        """One cell's number."""
        if cell.metric in likeness.METRICS:
            return likeness.measured(cell, self.fits.clips, self.shortened.frames, self.told)
        if cell.metric in costs.METRICS:
            return costs.measured(cell, self.taught(cell)[0], self.fits, self.shortened, self.told)
        return self.counted(cell)

    def counted(self, cell: Cell) -> Measured:
        """One cell counted from what was heard; nothing where a label is missing among the tested clips."""
        fits = self.taught(cell)
        if failed := [self.failed[taught] for taught in fits if taught in self.failed]:
            return Measured(note=failed[0])
        heard: Sequence[Heard] = [self.found[taught, Tested(cell.test, cell.test_quality)] for taught in fits]
        common = self.common(cell)
        every = max(len(one.said) for one in heard)
        heard = [Heard(tuple(said for said in one.said if said.sha256 in common)) for one in heard]
        heard = scores.paired(heard) if len(heard) > 1 else heard
        own = scores.fused(heard) if len(heard) > 1 else heard[0]
        if {*own.clips.tolist()} != {False, True}:
            return Measured(note=f"no clips of both labels of {self.fits.clips.named(cell.test)} to test on")
        ours = own.estimate(self.rate(cell, own, heard))
        if self.printed.percent:
            ours = replace(ours, value=100 * ours.value, low=100 * ours.low, high=100 * ours.high)
        fewer = f"on {len(common)} of {every} clips, those that all methods of the row could read"
        fewer = fewer if len(common) < every else ""
        return Measured(ours, note="; ".join(filter(None, (costs.fewer(cell, fits[0]), fewer))))

    def common(self, cell: Cell) -> frozenset[str]:
        """The tested clips, by sha256, that every method of the cell's row could read."""
        place = (cell.row, cell.test, cell.test_quality)
        if place not in self.shared:
            row = (one for one in self.plan.cells if (one.row, one.test, one.test_quality) == place)
            asked = {fit for one in row for fit in self.needs(one) if fit[1].part == "test"}
            read = [frozenset(said.sha256 for said in self.found[fit].said) for fit in asked if fit in self.found]
            self.shared[place] = frozenset.intersection(*read) if read else frozenset()
        return self.shared[place]

    def rate(self, cell: Cell, own: Heard, heard: Sequence[Heard]) -> Rate:
        """How a cell is counted; `own` is what its own method said, of a fusion what all said together."""
        if cell.metric == "change by fusion":
            alone = heard[(TEXTURE, CNN).index(cell.method)]
            return scores.change(scores.balanced(alone), scores.balanced(own))
        if cell.metric == "change by threshold":
            return scores.change(scores.balanced(own), scores.balanced(own, self.threshold(cell)))
        if cell.metric == "ACC":
            return scores.balanced(own, self.threshold(cell) if cell.own_threshold else None)
        return scores.RATES[cell.metric](own)

    def threshold(self, cell: Cell) -> float:
        """The best threshold on the validation clips at the tested quality; 1/2 without any."""
        tested = Tested(cell.train, cell.test_quality, "validation")
        return scores.best_threshold(self.found[self.taught(cell)[0], tested])

    def notes(self) -> Iterator[str]:
        """What must be known of the run."""
        yield from self.printed.remarks if self.fits.clips.own else ()
        used = {quality for cell in self.plan.cells for quality in (cell.train_quality, cell.test_quality)} - {""}
        if used != {"RAW"} and not self.fits.clips.published:
            yield "RAW: the files as they are; HQ and LQ: made of them with x264 at CRF 23 and 40"
        if not self.fits.clips.own and any(self.beyond(cell) for cell in self.plan.cells):
            yield "rows of more clips than there are to teach are left out"
        if self.shortened != FULL:
            yield f"shortened: {self.shortened}; the published recipes are longer"
        if self.fits.skipped:
            path, why = min(self.fits.skipped.items())
            named = Path(*Path(path).parts[-3:])
            yield f"clips that could not be read: {len(self.fits.skipped)}, such as {named}: {why}"
        if any(cell.metric not in costs.METRICS for cell in self.plan.cells):
            yield "intervals: 95 %, groups of tested clips resampled"


def described(clips: Collection, fits: Fits) -> str:
    """What a table was run on, in words."""
    each = Counter((item.subset, item.label, fits.part_of[item.group]) for item in clips.items)
    told = []
    for role, name in clips.shown.items():
        real, fake = (
            "+".join(str(each[role, label, part]) for part in ("train", "validation", "test"))
            for label in ("real", "fake")
        )
        told.append(f"{name} {real} real, {fake} synthetic")
    return f"{clips.path.name}: {'; '.join(told)} clips that teach + validate + test"
