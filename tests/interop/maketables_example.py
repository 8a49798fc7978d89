"""What maketables makes of our fits. Run by run.sh, in an environment that has both."""

from __future__ import annotations

import maketables
from versions import versions

import echelon as ec


def main():
    print(versions("echelon", "maketables", "pandas", "numpy"))
    hsb = ec.datasets.load("hsb", quiet=True)
    fits = [
        ec.lm("mathach ~ ses", hsb),
        ec.lmer("mathach ~ 1 + (1 | school)", hsb),
        ec.lmer("mathach ~ ses * sector + meanses + (ses | school)", hsb),
    ]
    table = maketables.ETable(fits)
    print("\nETable([lm, lmer, lmer])\n")
    print(table.df.to_string())
    print("\nmake(type='tex')\n")
    print(table.make(type="tex"))
    stats = table.df.loc["stats"]
    rows = set(stats.index)
    wanted = {"Observations", "Groups: school", "Variance: school (Intercept)", "ICC"}
    assert wanted <= rows, rows
    assert stats.loc["Groups: school"].tolist() == ["-", "160", "160"]


if __name__ == "__main__":
    main()
