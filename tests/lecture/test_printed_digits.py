"""The judge of printed digits itself."""

from __future__ import annotations

import pytest

from tolerances import printed


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3697.66829143993, "3,697.67"),
        (-47021.1360004481, "-47,021.1"),
        (6.2e-19, "0.0000"),
        (0, "0.0000"),
        (9.43396, "9"),
        (661, "661"),
        (116.8, "117"),
        (-0.0982000243, "-0.0982"),
        (94.99332, "95.0"),
    ],
)
def test_prints_as(value: float, text: str) -> None:
    assert printed(value, text)


@pytest.mark.parametrize(
    ("value", "text"),
    [(3697.73, "3,697.67"), (0.00006, "0.0000"), (8.4, "9"), (float("nan"), "1.0"), (94.9, "95.0")],
)
def test_prints_otherwise(value: float, text: str) -> None:
    assert not printed(value, text)
