"""What a fit cost: engine, evaluations, time by stage, largest arrays."""

from __future__ import annotations

from dataclasses import dataclass

from echelon.model.fit import LmmFit


@dataclass(frozen=True, slots=True)
class Work:
    """What it took to fit a model.

    Attributes
    ----------
    engine : "one factor", "nested", "crossed" or "iterative"
    evaluations : how often the deviance was computed with its derivatives
    seconds : wall time by stage: "design" (formula and frame to columns), "compress" (columns to
        moments), "prepare" (moments to the engine), "search", "finish" (estimates and verdict);
        with `residual=` or `method="iterative"` "search" is all after "compress"
    sizes : what the engine holds, e.g. groups, order of the dense part, pairs listed
    """

    engine: str
    evaluations: int
    seconds: tuple[tuple[str, float], ...]
    sizes: tuple[tuple[str, int], ...]

    def __str__(self) -> str:
        total = sum(time for _, time in self.seconds)
        stages = ", ".join(f"{stage} {1e3 * time:.1f} ms" for stage, time in self.seconds)
        held = ", ".join(f"{what} {size:,}" for what, size in self.sizes)
        return (
            f"engine: {self.engine} ({held}); evaluations: {self.evaluations}; "
            f"{1e3 * total:.1f} ms: {stages}"
        )


def work(fit: LmmFit) -> Work:
    """What a fit cost.

    Examples
    --------
    >>> import echelon as ec
    >>> data = ec.datasets.load("dyestuff", quiet=True)
    >>> found = ec.lmer("Yield ~ 1 + (1 | Batch)", data).work
    >>> found.engine, found.sizes
    ('one factor', (('rows', 30), ('groups of Batch', 6)))
    """
    groups = ((f"groups of {g.factor}", len(g.levels)) for g in fit.moments.groups)
    return Work(
        engine=fit.problem.engine.name,
        evaluations=fit.verdict.evaluations,
        seconds=fit.source.seconds,
        sizes=(("rows", fit.n), *groups, *fit.problem.engine.sizes),
    )
