"""One result that was asked for beside a fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from echelon.show import Table


@dataclass(frozen=True, slots=True)
class Extra:
    """One result that was asked for.

    Attributes
    ----------
    key : what kind it is, as JSON calls it
    typed : how it was asked for; "" for an option without a text
    result : the API's
    table : of it
    said : sentences that a shell shows in place of the table; "" for none
    """

    key: str
    typed: str
    result: Any
    table: Table
    said: str = ""
