"""One group explained in sentences."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence

from echelon.multilevel.explain import ExplainedCoefficient, Explanation, GroupRank
from echelon.show.cells import amount, label_cell, places
from echelon.show.format import integer, written


def explanation_text(found: Explanation) -> str:
    """What the group shows, what its estimate is, and why; a paragraph a coefficient.

    Examples
    --------
    >>> import echelon as ec
    >>> timss = ec.datasets.load("timss", quiet=True)
    >>> fit = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)
    >>> print(explanation_text(fit.explain(5036)).split(". ")[0])
    Group 5036 of idschool has 41 rows (groups have 16 to 51), and the mean of bsmmatxx in them \
is 484.25
    """
    paragraphs = [" ".join(_paragraph(found, part)) for part in found.coefficients]
    first = _data(found)
    if len(paragraphs) == 1:
        return f"{first} {paragraphs[0]}"
    return "\n\n".join([f"{first} {_TOGETHER}", *paragraphs])


def _data(found: Explanation) -> str:
    n, least, most = found.n
    text = f"Group {label_cell(found.label)} of {found.factor} has {_rows(n)}"
    if least < most:
        text += f" (groups have {integer(least)} to {integer(most)})"
    if found.means and not math.isnan(found.mean):
        weighted = found.fit.built is not None and found.fit.built.design.precision is not None
        what = f"the {'weighted ' if weighted else ''}mean of {found.fit.response} in them"
        text += f", and {what if n > 1 else f'{found.fit.response} in it'} is "
        text += _number(found.mean, found.coefficients[0])
    return text + "."


_TOGETHER = (
    "Its coefficients are shrunk together, by a matrix: what its rows say of one bears on the "
    "others, so that an estimate may keep more or less than its own reliability says."
)


def _paragraph(found: Explanation, part: ExplainedCoefficient) -> Iterator[str]:
    yield from _own(found, part)
    yield _prediction(found, part)
    yield from _shrunk(found, part)
    yield _estimate(found, part)
    if part.rank is not None:
        yield _ranked(found, part, part.rank)


def _own(found: Explanation, part: ExplainedCoefficient) -> Iterator[str]:
    """What the group alone gives, and how exactly."""
    what, n = _quantity(found, part), found.n[0]
    if part.tau <= 0 or (math.isnan(part.own) and math.isnan(part.reliability) and found.others):
        return
    if math.isnan(part.own):
        yield f"Its {_rows(n)} alone cannot give {what}."
        return
    own, plain = _number(part.own, part), _plain(found)
    if found.others:
        yield (
            f"Adjusted for the effects of {listed(found.others)}, its own estimate of {what} "
            f"is {own}."
        )
        return
    error = _number(part.own_se, part)
    if plain:
        yield f"As an estimate of its true mean this has a standard error of {error}."
        return
    how = "generalised least squares" if found.fit.residual is not None else "least squares"
    held = f", given the effects of {listed(found.level1)}," if found.level1 else ""
    yield f"By {how} within the group{held} {what} is {own}, with a standard error of {error}."


def _plain(found: Explanation) -> bool:
    """Whether the group's own estimate is the mean of its rows."""
    return found.means and found.fit.residual is None and not found.others


def _prediction(found: Explanation, part: ExplainedCoefficient) -> str:
    value = _number(part.predicted, part)
    if part.shared:
        return f"The model predicts {value} for every group{_grand(found)}."
    others = [name for name in part.predictors if name != "(Intercept)"]
    given = f" from {listed(others)}" if others else ""
    return f"The fixed effects predict {value} for this group{given}."


def _grand(found: Explanation) -> str:
    return ", the grand mean" if found.means else ""


def _shrunk(found: Explanation, part: ExplainedCoefficient) -> Iterator[str]:
    """Why the estimate keeps what it keeps."""
    if part.tau <= 0:
        yield (
            "The variance between groups is estimated as zero, so the reliability is 0: nothing "
            "of what the group shows by itself is kept, and the estimate is the prediction. That "
            "the estimate of the variance is zero does not show that groups are equal."
        )
        return
    if math.isnan(part.reliability):
        yield (
            "How reliable the group's own rows are is not known: after the iterative method "
            "conditional_sd() solves for the groups that are named."
            if found.others
            else "With nothing of its own to go by, its estimate rests on the prediction, and on "
            "what its other coefficients say of this one."
        )
        return
    spread = _number(math.sqrt(part.tau), part)
    beyond = "True values" if part.shared else "Beyond their predictions true values"
    yield (
        f"{beyond} differ between groups with a standard deviation of {spread}, so the "
        f"reliability of the group's own estimate is {part.reliability:.2f}."
    )
    if math.isnan(part.own):
        return
    alone = _percent(part.reliability)
    if found.several and _percent(part.kept) != alone:
        yield (
            f"By itself it would keep {alone} of its distance from the prediction; with the "
            f"group's other coefficients it {_kept(part.kept)}."
        )
        return
    yield (
        f"The estimate keeps {alone} of its distance from the prediction and gives up "
        f"{_percent(1 - part.reliability)}: {_why(part, found.n[0])}."
    )


def _kept(share: float) -> str:
    """What becomes of the distance when other coefficients have a say."""
    if share < 0:
        return "ends on the other side of it"
    return "ends beyond its own estimate" if share > 1 else f"keeps {_percent(share)}"


def _why(part: ExplainedCoefficient, n: int) -> str:
    rows = f"its {_rows(n)} say" + ("s" if n == 1 else "")
    if part.reliability >= 0.9:
        return f"{rows} nearly all there is to say"
    if part.reliability >= 0.5:
        return f"{rows} more than the prediction does, but not all"
    return f"{rows} less than the prediction does"


def _estimate(found: Explanation, part: ExplainedCoefficient) -> str:
    value = _number(part.estimate, part)
    start = f"So it moves from {_number(part.own, part)} to {value}"
    if math.isnan(part.own) or part.tau <= 0 or _number(part.own, part) == value:
        start = f"So the empirical Bayes estimate is {value}"
    if found.others:
        start += f", the effects of {listed(found.others)} left out"
    if math.isnan(part.std_error):
        return f"{start}."
    low, high = (_number(x, part) for x in (part.conf_low, part.conf_high))
    error = _number(part.std_error, part)
    return f"{start}, with a standard error of {error} ({level_words(found)} {low} to {high})."


def level_words(found: Explanation) -> str:
    """The interval by its coverage."""
    return f"{100 * found.level:.6g}% interval"


def _ranked(found: Explanation, part: ExplainedCoefficient, rank: GroupRank) -> str:
    by = "" if part.shared else ", by what they are beyond their predictions,"
    among = f"Among the {integer(found.J)} groups{by} it ranks {_ordinal(rank.rank)} from the top"
    if rank.low == rank.high:
        return f"{among}, and hardly any other rank is possible."
    span = f"any rank from {integer(rank.low)} to {integer(rank.high)}"
    middle = (found.J + 1) / 2
    lost = rank.low <= middle <= rank.high
    end = ": it cannot be told from the middle of the table." if lost else "."
    return f"{among}, but {span} is compatible with the data ({level_words(found)}){end}"


def _ordinal(rank: float) -> str:
    """A rank in words of a table: 1st, 22nd, 113th; shared ranks as they are.

    >>> [_ordinal(x) for x in (1, 2, 3, 11, 22, 113, 2.5)]
    ['1st', '2nd', '3rd', '11th', '22nd', '113th', '2.5']
    """
    if not float(rank).is_integer():
        return f"{rank:g}"
    whole = int(rank)
    ends = {1: "st", 2: "nd", 3: "rd"}
    end = "th" if whole % 100 in (11, 12, 13) else ends.get(whole % 10, "th")
    return f"{integer(whole)}{end}"


def _quantity(found: Explanation, part: ExplainedCoefficient) -> str:
    if part.term == "(Intercept)":
        return "its mean" if found.means else "its intercept"
    return f"its coefficient of {part.term}"


def _rows(n: int) -> str:
    return f"{integer(n)} row" + ("" if n == 1 else "s")


def listed(names: Sequence[str]) -> str:
    """Names as a sentence lists them."""
    return ", ".join(names[:-1]) + (" and " if len(names) > 1 else "") + names[-1]


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%" if abs(share) < 0.995 or share >= 1 else f"{100 * share:.1f}%"


def _number(value: float, part: ExplainedCoefficient) -> str:
    cell = amount(value, digits_of(part))
    return written(value, cell.kind or "number", digits_of(part)).replace("-", "−")


def digits_of(part: ExplainedCoefficient) -> int:
    """Decimals that suit the standard errors of a coefficient."""
    known = [x for x in (part.std_error, part.own_se, part.tau**0.5) if x > 0]
    return places(min(known), 2) if known else places(part.estimate, 2)


def explanation_lines(found: Explanation, width: int = 88) -> str:
    """What a shell shows: the sentences in lines."""
    return "\n\n".join(
        textwrap.fill(part, width, break_on_hyphens=False)
        for part in explanation_text(found).split("\n\n")
    )
