"""What was asked for beside a fit as JSON: the rows of the API's tables, key by key."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from echelon.cli.json_after import AFTER, LISTS

if TYPE_CHECKING:
    from echelon.cli.extra import Extra
    from echelon.cli.extras import Extras
    from echelon.model.fit import LmmFit, OlsFit

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"

_SINGLE = ("anova", "ranova", "drop1", "intervals", *(key for key in AFTER if key not in LISTS))
"""What is asked for once; the others are lists."""


def extras_json(fit: LmmFit | OlsFit, extras: Extras) -> dict[str, Json]:
    """One key a kind of result: an object for what is asked for once, a list for the others."""
    made: dict[str, Json] = {}
    if extras.robust is not None:
        made["robust"] = _robust(fit, extras.robust, extras.cluster)
    for extra in extras.made:
        one = _MAKERS[extra.key](extra)
        if extra.key in _SINGLE:
            made[extra.key] = one
        else:
            made[extra.key] = [*cast("list[Json]", made.get(extra.key, [])), one]
    if extras.seed is not None and "intervals" in made:
        cast("dict[str, Json]", made["intervals"])["seed"] = extras.seed
    return made


def rows(frame: object) -> list[Json]:
    """The rows of a table of the API as objects."""
    return cast("list[Json]", cast(Any, frame).to_dict("records"))


def comparison_json(found: Any) -> dict[str, Json]:
    """Models compared by likelihood ratios."""
    return {
        "method": "REML" if found.restricted else "ML",
        "refitted": list(found.refitted),
        "models": _with_mixtures(found),
        "notes": list(found.notes),
    }


def _robust(fit: LmmFit | OlsFit, robust: str, cluster: object) -> Json:
    from echelon.infer.choose import uncertainty
    from echelon.infer.coefficients import coefficients
    from echelon.infer.robust import Sandwich

    known = cast(Sandwich, uncertainty(fit, robust=robust, cluster=cluster))
    return {
        "correction": known.correction,
        "cluster": known.cluster,
        "clusters": known.clusters,
        "coefficients": rows(coefficients(fit, robust=robust, cluster=cluster)),
    }


def _anova(extra: Extra) -> Json:
    found = extra.result
    return {
        "type": found.kind,
        "test": "chi-square" if found.chi_square else "F",
        "df_method": found.method,
        "terms": rows(found.frame()),
        "notes": list(found.notes),
    }


def _term_tests(extra: Extra) -> Json:
    """Likelihood-ratio tests; the first row is the whole model."""
    found = extra.result
    return {
        "method": "REML" if found.restricted else "ML",
        "terms": _with_mixtures(found) if found.kind == "random" else rows(found.frame()),
        "notes": list(found.notes),
    }


def _with_mixtures(found: Any) -> list[Json]:
    """The rows with the law of p_mixture in words."""
    made = cast("list[dict[str, Json]]", rows(found.frame()))
    pairs = zip(made, found.mixtures, strict=True)
    return [row | {"mixture": law or None} for row, law in pairs]


def _hypotheses(extra: Extra) -> Json:
    found = extra.result
    joint = found.joint_test
    return {
        "typed": extra.typed,
        "df_method": found.rows.method,
        "conf_level": found.rows.level,
        "rows": rows(found.frame()),
        "joint": {
            "statistic": joint.statistic,
            "df1": joint.df1,
            "df2": joint.df2,
            "p_value": joint.p_value,
        },
        "redundant": list(found.redundant),
    }


def _means(extra: Extra) -> Json:
    found = extra.result
    return _estimates(extra) | {
        "specs": list(found.specs),
        "by": list(found.by),
        "weights": found.weights,
    }


def _comparisons(extra: Extra) -> Json:
    found = extra.result
    return _estimates(extra) | {"by": list(found.by), "method": found.method}


def _slopes(extra: Extra) -> Json:
    return _estimates(extra) | {"variable": extra.result.variable}


def _estimates(extra: Extra) -> dict[str, Json]:
    """What every table of estimates has."""
    found = extra.result
    return {
        "typed": extra.typed,
        "df_method": found.values.method,
        "conf_level": found.values.level,
        "adjust": found.adjust,
        "rows": rows(found.frame()),
        "notes": list(found.notes),
    }


def _johnson_neyman(extra: Extra) -> Json:
    found = extra.result
    return {
        "typed": extra.typed,
        "focal": found.focal,
        "moderator": found.moderator,
        "effect": found.effect,
        "conf_level": found.level,
        "boundaries": found.boundaries.tolist(),
        "regions": rows(found.frame()),
        "notes": list(found.notes),
    }


def _intervals(extra: Extra) -> Json:
    """Intervals of parameters; of a bootstrap also what its replicates did."""
    found = extra.result
    made: dict[str, Json] = {"method": extra.typed}
    if extra.typed == "wald":
        made |= {"conf_level": found.values.level, "parameters": _wald(found.values)}
    elif extra.typed == "profile":
        made |= {"conf_level": found.level, "parameters": rows(found.frame())}
    else:
        counts = {"n": len(found), **found.counts}
        made |= {"conf_level": 0.95, "parameters": rows(found.frame()), "replicates": counts}
    notes = found.intervals().notes if extra.typed == "bootstrap" else found.notes
    return made | {"notes": list(notes)}


def _wald(values: Any) -> list[Json]:
    ends = zip(values.names, values.estimate, values.conf_low, values.conf_high, strict=True)
    return [
        {"term": name, "estimate": float(b), "conf_low": float(low), "conf_high": float(high)}
        for name, b, low, high in ends
    ]


_MAKERS: dict[str, Callable[[Any], Json]] = {
    "anova": _anova,
    "ranova": _term_tests,
    "drop1": _term_tests,
    "tests": _hypotheses,
    "emmeans": _means,
    "contrasts": _comparisons,
    "slopes": _slopes,
    "johnson_neyman": _johnson_neyman,
    "intervals": _intervals,
    **AFTER,
}
