"""Profile likelihood: how far each parameter may go before the deviance rises too much."""

from echelon.infer.profile.curves import Curve
from echelon.infer.profile.intervals import profile_intervals
from echelon.infer.profile.parameters import Scale
from echelon.infer.profile.result import Profile, profile_values

__all__ = ["Curve", "Profile", "Scale", "profile_intervals", "profile_values"]
