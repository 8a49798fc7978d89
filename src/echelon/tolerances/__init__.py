"""Every tolerance and step size of the algorithms: value, unit, reason, source.

The tolerances that tests judge by live in `tests/tolerances.py`.
"""

from __future__ import annotations

from echelon.tolerances.diagnostics import *  # noqa: F403
from echelon.tolerances.estimation import *  # noqa: F403
from echelon.tolerances.inference import *  # noqa: F403
from echelon.tolerances.iterative import *  # noqa: F403
from echelon.tolerances.power import *  # noqa: F403
