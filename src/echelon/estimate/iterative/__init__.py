"""Very large crossed designs: conjugate gradients, random probes, no dense matrix of the core."""
