"""Speed, memory and agreement of Echelon and its peers.

    python -m benchmarks                                everything; writes benchmarks/RESULTS.md
    python -m benchmarks --only sleep,hsb --out x.md    some workloads
    python -m benchmarks --only hsb --raw all.json      in parts: results add up in all.json
    python -m benchmarks --quick --scale 0.02           does the suite itself work?

Needs what is in the extra "bench", and gpboost; R with lme4 and lmerTest joins in if it is there.

Repetition: three rounds (imports: five), in each of which every peer has a process of its own, in
turns. In it the first fit, which also pays for memory, is not counted; then fits for 1 s, at most
200 (workloads that are `large`: 4 s, at most 5), at least 2. A fit of more than 5 s counts itself
and is made once in all; a peer ten times slower than Echelon has one round. A fit that lasts longer
than --limit is ended and reported as such; peers that refit responses one by one do as many as fit
into 0.3 of the limit. A process may use half of the machine's memory. A peer that ran out of time
or memory is not tried on a harder version.
"""
