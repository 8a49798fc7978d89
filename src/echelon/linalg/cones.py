"""How a standard normal vector falls on a convex cone: the weights of chi-bar-square laws."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances

Array = NDArray[np.float64]


def quadrant_weights(metric: Array) -> Array:
    """Weights of two numbers that may not be negative.

    Parameters
    ----------
    metric : (2, 2) inverse covariance of the two estimates

    Returns
    -------
    (3,) probabilities that 0, 1, 2 of them are positive after projection

    Notes
    -----
    The cone is a wedge whose angle has cosine metric_12 / sqrt(metric_11 metric_22)
    (`mixture-quadrant`; selfliang1987, case 7).

    >>> quadrant_weights(np.eye(2)).tolist()
    [0.25, 0.5, 0.25]
    """
    cosine = metric[0, 1] / np.sqrt(metric[0, 0] * metric[1, 1])
    both = float(np.arccos(np.clip(cosine, -1.0, 1.0))) / (2 * np.pi)
    return np.array([0.5 - both, 0.5, both])


def psd_weights(metric: Array) -> Array:
    """Weights of a symmetric 2 x 2 matrix that may have no negative eigenvalue.

    Parameters
    ----------
    metric : (3, 3) inverse covariance of the estimates of its entries (1, 1), (2, 1), (2, 2)

    Returns
    -------
    (4,) weights of chi-square with 0, 1, 2 and 3 degrees of freedom

    Notes
    -----
    In coordinates with unit covariance the matrices without negative eigenvalues are an elliptic
    cone. Weights 3 and 0 are the solid angles of the cone and of its polar over 4 pi, and weights
    of even and of odd dimension sum to one half each (`mixture-psd`; shapiro1988).
    """
    root = np.linalg.cholesky(metric).T  # metric = root' root
    determinant = np.array([[0.0, 0.0, 0.5], [0.0, -1.0, 0.0], [0.5, 0.0, 0.0]])  # v'Qv = det
    half = np.linalg.solve(root.T, determinant)
    values = np.linalg.eigvalsh(np.linalg.solve(root.T, half.T))  # two negative, one positive
    axes = np.sqrt(values[2] / -values[:2])  # of the ellipse at height one
    inside, polar = _solid_angle(axes) / (4 * np.pi), _solid_angle(1 / axes) / (4 * np.pi)
    return np.array([polar, 0.5 - inside, 0.5 - polar, inside])


def _solid_angle(axes: Array) -> float:
    """Solid angle of the cone over an ellipse with these half axes at height one."""
    steps = tolerances.CONE_STEPS
    phi = 2 * np.pi * (np.arange(steps) + 0.5) / steps
    inverse = (np.cos(phi) / axes[0]) ** 2 + (np.sin(phi) / axes[1]) ** 2  # 1 / tan^2
    return float(2 * np.pi * np.mean(1 - np.sqrt(inverse / (1 + inverse))))
