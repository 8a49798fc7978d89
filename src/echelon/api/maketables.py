"""What the library maketables looks for in a model, so that `maketables.ETable([fit])` works.

Its hooks are attributes; nothing of it is imported. See decision 0021.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Protocol, cast

from echelon import infer, multilevel
from echelon.data import Values, to_native
from echelon.errors import EchelonError
from echelon.infer.components import Component
from echelon.model.fit import LmmFit, OlsFit

Statistic = float | int | str | None


class _Indexed(Protocol):
    """What is asked of a pandas table."""

    def set_index(self, keys: str) -> object: ...


def coef_table(fit: LmmFit | OlsFit) -> object:
    """The fixed effects as a pandas table indexed by term: b, se, t, p, df, ci95l, ci95u.

    The constant is called "Intercept", as the other libraries that maketables reads call it.
    """
    values = infer.coefficient_values(fit, level=0.95)
    columns: dict[str, Values] = {
        "Coefficient": ["Intercept" if n == "(Intercept)" else n for n in values.names],
        "b": values.estimate,
        "se": values.std_error,
        "t": values.statistic,
        "p": values.p_value,
        "df": values.df,
        "ci95l": values.conf_low,
        "ci95u": values.conf_high,
    }
    return cast(_Indexed, to_native(columns, "pandas")).set_index("Coefficient")


def statistic(fit: LmmFit | OlsFit, key: str) -> Statistic:
    """A statistic by its key, None for one that the model does not have.

    Keys are those of `default_keys`, and maketables' own "ll", "aic", "bic" and "deviance".
    """
    if key in ("ll", "aic", "bic", "deviance"):
        return float(getattr(infer.criteria(fit), {"ll": "loglik"}.get(key, key)))
    if key == "N":
        return fit.n
    if key == "se_type":
        return _se_type(fit)
    found = _multilevel(fit) if isinstance(fit, LmmFit) else _least_squares(fit)
    return found.get(key)


def default_keys(fit: LmmFit | OlsFit) -> list[str]:
    """The statistics below the coefficients: rows, groups, variance components, ICC.

    A key is the row's name too: maketables takes names from the first model only.
    """
    found = _multilevel(fit) if isinstance(fit, LmmFit) else _least_squares(fit)
    hidden = ("fvalue", "f_pvalue", "df_model", "df_resid")
    return ["N", *(key for key in found if key not in hidden)]


def vcov_info(fit: LmmFit | OlsFit) -> dict[str, str]:
    """How standard errors were found."""
    return {"vcov_type": _se_type(fit)}


def _se_type(fit: LmmFit | OlsFit) -> str:
    return f"model-based, {infer.coefficient_values(fit).method} df"


def _multilevel(fit: LmmFit) -> dict[str, Statistic]:
    found: dict[str, Statistic] = {
        f"Groups: {group.factor}": len(group.levels) for group in fit.moments.groups
    }
    for row in infer.component_values(fit).rows:
        found[_component_name(row)] = row.sd if row.with_term else row.variance
    found["ICC"] = _icc(fit)
    found["Estimation"] = "REML" if fit.reml else "ML"
    return {key: value for key, value in found.items() if value is not None}


def _component_name(row: Component) -> str:
    """What the component is called: its owner and its effects."""
    effects = " ".join(part for part in (row.group, row.term) if part)
    if row.with_term in ("", row.term):
        kind = "Correlation" if row.with_term else "Variance"
        return f"{kind}: {effects}"
    return f"Correlation: {effects}, {row.with_term}"


def _icc(fit: LmmFit) -> float | None:
    """The intraclass correlation; None where the model has no one such number."""
    try:
        return multilevel.icc(fit)
    except EchelonError:
        return None


def _least_squares(fit: OlsFit) -> dict[str, Statistic]:
    F = infer.f_test(fit)
    return {
        "r2": infer.r_squared(fit),
        "adj_r2": infer.adjusted_r_squared(fit),
        "Variance: Residual": fit.sigma2,
        "Estimation": "OLS",
        "fvalue": F.statistic,
        "f_pvalue": F.p_value,
        "df_model": F.df1,
        "df_resid": fit.df_resid,
    }


class _Hooks:
    """The attributes by which maketables knows a model: its plug-in format."""

    __slots__ = ()

    __maketables_coef_table__ = property(coef_table)
    __maketables_stat__ = statistic
    __maketables_default_stat_keys__ = property(default_keys)
    __maketables_vcov_info__ = property(vcov_info)

    @property
    def __maketables_depvar__(self: LmmFit | OlsFit) -> str:  # type: ignore[misc]
        """The response as typed."""
        return self.response


class _PlainLmm(LmmFit, _Hooks):
    """A fit with the hooks and without the names of statsmodels."""

    __slots__ = ()


class _PlainOls(OlsFit, _Hooks):
    """A fit with the hooks and without the names of statsmodels."""

    __slots__ = ()


class Maketables(_Hooks):
    """What a fit of the public surface shows to maketables."""

    __slots__ = ()

    def to_list(self: LmmFit | OlsFit) -> list[LmmFit | OlsFit]:  # type: ignore[misc]
        """The fit as maketables asks for it: a list of one model that has its hooks.

        maketables takes whatever has `params`, `bse` and `pvalues` for a model of statsmodels,
        before it looks for hooks, and would leave out the groups and the variance components. What
        has a `to_list` it asks for the models to show. See decision 0021.
        """
        kind, of = (_PlainLmm, LmmFit) if isinstance(self, LmmFit) else (_PlainOls, OlsFit)
        return [kind(**{f.name: getattr(self, f.name) for f in fields(of)})]
