"""Options that do not exist: one clear error, also for the habits of lme4 and statsmodels."""

import pytest

import echelon as ec
from echelon.errors import DataError, EchelonError, UnknownArgument


@pytest.fixture(scope="module")
def timss():
    return ec.datasets.load("timss", quiet=True)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"REML": False}, "Did you mean 'reml'?"),
        ({"contrast": {}}, "Did you mean 'contrasts'?"),
        ({"weights": "w"}, "are precision="),
        ({"groups": "idschool"}, "part of the formula"),
        ({"family": "binomial"}, "continuous scale"),
        ({"zzz": 1}, "Options: formula, data, reml"),
    ],
)
def test_lmer_names_the_option_meant(timss, option, said):
    with pytest.raises(TypeError, match=r"lmer\(\) has no option") as caught:
        ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss, **option)
    assert said in str(caught.value) and isinstance(caught.value, EchelonError)


def test_the_others_too(timss):
    with pytest.raises(EchelonError, match="precision"):
        ec.lm("bsmmatxx ~ 1", timss, weights="w")
    with pytest.raises(EchelonError, match="'level'"):
        ec.describe(timss, "bsmmatxx", levels="idschool")
    with pytest.raises(EchelonError, match="'summaries'"):
        ec.oneway("bsmmatxx", "idschool", summary=timss)


def test_signatures_stay_readable():
    import inspect

    assert list(inspect.signature(ec.lmer).parameters)[:3] == ["formula", "data", "reml"]


def test_synthetic_data_are_said_to_be_so(timss):
    sentence = "synthetic, simulated after published summaries"
    for result in (
        ec.oneway("bsmmatxx", "idschool", timss),
        ec.describe(timss, "bsmmatxx", level="idschool"),
    ):
        assert any(sentence in note for note in result.table().notes)


@pytest.fixture(scope="module")
def hsb_fit():
    hsb = ec.datasets.load("hsb", quiet=True)
    return ec.lmer("mathach ~ ses * meanses + (1 | school)", hsb)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("coefficients", ()),
        ("confint", ()),
        ("anova", ()),
        ("drop1", ()),
        ("ranova", ()),
        ("contrast", ("ses = 0",)),
        ("slopes", ("ses",)),
        ("johnson_neyman", ("ses", "meanses")),
        ("predictions", ()),
        ("to_marginaleffects", ()),
        ("vcov", ()),
        ("cov_params", ()),
        ("summary", ()),
        ("table", ()),
        ("emmeans", ()),
        ("bootstrap", ()),
    ],
)
def test_methods_refuse_options_they_have_not(hsb_fit, name, arguments):
    with pytest.raises(UnknownArgument, match=rf"^{name}\(\) has no option zzz="):
        getattr(hsb_fit, name)(*arguments, zzz="CR2")


def test_options_do_not_list_what_a_method_is_called_on(hsb_fit):
    with pytest.raises(UnknownArgument, match="Options: type, df"):
        hsb_fit.anova(zzz=1)


def test_a_level_that_is_no_number_is_refused(hsb_fit):
    for wrong in ("a", None, 95):
        with pytest.raises(DataError, match="must lie between 0 and 1"):
            hsb_fit.coefficients(level=wrong)
