"""Which rows and which groups make a cluster: what the sandwich takes as independent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from echelon.data import Frame
from echelon.design.build import Built
from echelon.errors import DataError, NeedsRows, nearest_hint
from echelon.model.fit import LmmFit, OlsFit

Codes = NDArray[np.int32]
UNNAMED = "cluster"
"""What clusters are called that were given by values without a name."""

Cluster: TypeAlias = object
"""A grouping factor of the model by name, or one label a row; None for the model's own."""


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """Rows and groups by cluster.

    Attributes
    ----------
    name : of the grouping factor or column; "cluster" for values without a name
    count : J clusters
    codes : (n,) cluster of each row used
    of_group : for each grouping factor, (J_f,) the cluster that holds each group
    """

    name: str
    count: int
    codes: Codes
    of_group: tuple[NDArray[np.intp], ...]

    def __post_init__(self) -> None:
        if self.count < 2:
            raise DataError(
                f"All rows lie in one cluster of {self.name!r}. A sandwich variance needs several "
                "clusters, and is worth little with fewer than about ten."
            )


def clusters(fit: LmmFit | OlsFit, cluster: Cluster = None) -> Clusters:
    """The clusters asked for, checked to be independent under the model.

    Parameters
    ----------
    cluster : name of a grouping factor; or one label a row (array, list or column), over the rows
        used or over all rows of the table; None for the grouping factor that holds all others

    Raises
    ------
    DataError : crossed factors and no cluster; groups that lie in several clusters; missing labels,
        another number of labels; a single cluster; none given for a linear model
    NeedsRows : the fit was made from moments, without a table
    """
    built = fit.built
    if built is None:
        raise NeedsRows("Robust standard errors need the table; this fit was made from moments.")
    if isinstance(fit, OlsFit):
        return _of_linear_model(built, cluster)
    if cluster is None:
        return _outermost(fit, built)
    if isinstance(cluster, str):
        return _of_factor(fit, built, cluster)
    codes, name = _labelled(built, cluster)
    return _checked(fit, built, codes, name)


def _of_linear_model(built: Built, cluster: Cluster) -> Clusters:
    if cluster is None:
        raise DataError(
            'A linear model has no grouping factor: name the clusters, cluster=data["school"]. For '
            "standard errors that are robust to unequal variances only, every row is a cluster: "
            "cluster=range(len(data))."
        )
    if isinstance(cluster, str):
        raise DataError(
            f"A fit keeps no table to look up {cluster!r}. Give the values: "
            f"cluster=data[{cluster!r}]."
        )
    codes, name = _labelled(built, cluster)
    return Clusters(name, int(codes.max()) + 1, codes, ())


def _of_factor(fit: LmmFit, built: Built, name: str) -> Clusters:
    same = [f for f in fit.factors if sorted(f.split(":")) == sorted(name.split(":"))]
    if not same:
        raise DataError(
            f"cluster={name!r} is no grouping factor of this model."
            f"{nearest_hint(name, fit.factors, 'Its factors')} For a column of the table give its "
            f"values: cluster=data[{name!r}]."
        )
    return _checked(fit, built, built.design.factors[fit.place(same[0])].codes, same[0])


def _outermost(fit: LmmFit, built: Built) -> Clusters:
    """The grouping factor in which all others are nested."""
    factors = built.design.factors
    outer = min(factors, key=lambda f: len(f.levels))
    crossed = [f.factor for f in factors if _of_groups(f.codes, len(f.levels), outer.codes) is None]
    if crossed:
        named = " and ".join(map(repr, (*crossed, outer.factor)))
        raise DataError(
            f"The grouping factors {named} are crossed: no factor holds whole groups of the "
            "others, so this model leaves no clusters that are independent of each other. Name "
            "some that hold whole groups of all of them, one label a row, as in "
            "cluster=data[...]; or keep the model-based standard errors."
        )
    return _checked(fit, built, outer.codes, outer.factor)


def _checked(fit: LmmFit, built: Built, codes: Codes, name: str) -> Clusters:
    of_group = []
    for factor in built.design.factors:
        found = _of_groups(factor.codes, len(factor.levels), codes)
        if found is None:
            raise DataError(
                f"Rows of one group of {factor.factor!r} lie in several clusters of {name!r}. The "
                "sandwich takes clusters as independent, and the model ties the rows of a group "
                "together. Name clusters that hold whole groups of every grouping factor"
                f" ({', '.join(map(repr, fit.factors))})."
            )
        of_group.append(found)
    return Clusters(name, int(codes.max()) + 1, codes, tuple(of_group))


def _of_groups(groups: Codes, count: int, codes: Codes) -> NDArray[np.intp] | None:
    """(J_f,) the cluster of each group; None where a group lies in several."""
    found = np.zeros(count, dtype=np.intp)
    found[groups] = codes
    return found if np.array_equal(found[groups], codes) else None


def _labelled(built: Built, cluster: object) -> tuple[Codes, str]:
    """Codes 0, 1, ... of labels given one a row, and what they are called."""
    given = getattr(cluster, "name", None)
    name = given if isinstance(given, str) and given else UNNAMED
    labels: Any = list(cluster) if isinstance(cluster, range | tuple) else cluster
    if hasattr(labels, "to_pylist"):  # a pyarrow column
        labels = labels.to_pylist()
    try:
        shape = np.shape(labels)
    except ValueError:  # rows of unequal length
        shape = ()
    n, total = len(built.design.y), built.missing.n_total
    if len(shape) != 1 or shape[0] not in (n, total):
        rows = f"{n:,} rows used" + (f" (or the {total:,} of its table)" if total != n else "")
        raise DataError(
            f"cluster= has shape {shape}; give one label for each of the {rows}, as in "
            "cluster=data[...]."
        )
    column = Frame.of({"cluster": labels}).groups("cluster", "cluster=")
    if shape[0] == total and built.used is not None:
        column = column.take(built.used)
    missing = int(column.missing().sum())
    if missing:
        raise DataError(
            f"The clusters have {missing:,} missing labels in the rows of the fit. Leave those "
            "rows out before fitting, or give them labels."
        )
    _, codes = np.unique(column.values, return_inverse=True)
    return codes.astype(np.int32), name
