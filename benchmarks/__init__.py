"""Speed, memory and agreement of Echelon and its peers: `python -m benchmarks --help`."""
