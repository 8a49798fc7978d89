"""Files of `echelon fit` that hold rows: predictions, augmented data, groups, drawn responses."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from echelon.cli.asked import Asked
from echelon.cli.prediction import Predictions, beside, refuse_names
from echelon.cli.staging import Output
from echelon.cli.terminal import note

if TYPE_CHECKING:
    from echelon.api.results import LMM, OLS
    from echelon.cli.extras import Extras

ROW_FILES = ("predictions", "augment", "residual_file", "simulate")
AUGMENTED = (
    "fitted",
    "fitted_fixed",
    "residual",
    "residual_marginal",
    "residual_standardized",
    "leverage",
)
"""The columns of `augment`, which must not be in the table before."""


def row_outputs(
    fitted: LMM | OLS,
    given: dict[str, Path],
    asked: Asked,
    data: object,
    extras: Extras,
) -> list[Output]:
    """The files of rows that were asked for; their tables are made at once.

    Parameters
    ----------
    given : paths by option
    data : the table of the fit
    """
    tables: list[tuple[Path, object]] = []
    if "predictions" in given:
        made = next(e.result for e in extras.made if isinstance(e.result, Predictions))
        tables.append((given["predictions"], made.beside()))
    if "augment" in given:
        refuse_names(data, AUGMENTED, "The data")
        tables.append((given["augment"], fitted.augment(data)))
    if "residual_file" in given:
        tables += _groups(cast("LMM", fitted), given["residual_file"], asked.after.hlm_names)
    if "simulate" in given:
        tables.append((given["simulate"], _simulated(fitted, data, asked)))
    return [table_output(path, table) for path, table in tables]


def table_output(path: Path, table: object) -> Output:
    """A table as a file of the kind its name says; columns that have to be renamed are told."""
    from echelon.data import write

    def written(place: Path) -> None:
        renamed = write(table, place)
        if renamed:
            names = ", ".join(f"{old} is {new}" for old, new in renamed.items())
            note(f"Note: names that {path.suffix} does not take, in {path.name}: {names}.")

    return Output(path, written, f"t{_ending(path)}")


def _ending(path: Path) -> str:
    """What of a name says the kind of file: ".csv.gz"."""
    from echelon.data.writers import WRITTEN

    return max((e for e in WRITTEN if path.name.lower().endswith(e)), key=len)


def _groups(fit: LMM, path: Path, hlm: bool) -> list[tuple[Path, object]]:
    """The residual file of every factor; with several its name is added to the file's."""
    names = "hlm" if hlm else "plain"
    if len(fit.factors) == 1:
        return [(path, fit.residual_file(names=names))]
    made = []
    for factor in fit.factors:
        stem, ending = path.name[: -len(_ending(path))], path.name[-len(_ending(path)) :]
        own = path.with_name(f"{stem}_{factor.replace(':', '_')}{ending}")
        made.append((own, fit.residual_file(factor, names=names)))
    return made


def _simulated(fitted: LMM | OLS, data: object, asked: Asked) -> object:
    """The data with drawn responses; rows that were not used have none."""
    import numpy as np

    from echelon.data import Frame

    drawn = Frame.of(fitted.simulate(asked.after.simulate or 0, rng=asked.seed))
    used = None if fitted.built is None else fitted.built.used
    columns = {}
    for name in drawn.columns:
        values = drawn.column(name).values.astype(np.float64)
        if used is not None:
            full = np.full(len(used), np.nan)
            full[used] = values
            values = full
        columns[name] = values
    return beside(data, columns, "The data")
