"""Cluster-robust (sandwich) covariance of the fixed effects, with degrees of freedom of its own."""

from echelon.infer.robust.clusters import Clusters, clusters
from echelon.infer.robust.sandwich import Correction, Sandwich, sandwich

__all__ = ["Clusters", "Correction", "Sandwich", "clusters", "sandwich"]
