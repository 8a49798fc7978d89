"""Make `models/` and `data/` of this folder from the full golden references.

    python trim_reference.py SOURCE

SOURCE holds `README.md` (its table lists the ids), `models/*.json` and `data/*.csv[.gz]` with
sidecars, as the R scripts left them. Kept: the keys in KEYS, for the linear models with one
grouping factor. Data above 20 kB are compressed. Run by hand, never by the tests.
"""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path

KEYS = (
    "id", "tags", "dataset", "versions", "call", "known_wrong_in_R", "N", "n_groups",
    "fixed_names", "dropped_columns", "na_rows", "theta", "sigma", "varcorr", "fixef", "se",
    "vcov", "criteria", "ranef", "fitted", "resid_response", "devfun", "satterthwaite_accurate",
    "coef_satterthwaite", "isSingular",
)  # fmt: skip
BUNDLED = ("timss_like", "eclsk_like")  # come with the package: echelon.datasets
COMPRESSED_ABOVE = 20_000


def ids(readme: str) -> list[str]:
    """The ids of the table "One grouping factor, LMM"."""
    table = readme.split("## One grouping factor, LMM")[1].split("\n## ")[0]
    rows = [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("|")]
    return rows[2:]


def trimmed(model: dict) -> dict:
    kept = {key: model[key] for key in KEYS if key in model}
    if "wald" in model.get("confint", {}):
        kept["confint"] = {"wald": model["confint"]["wald"]}
    kept["criteria"] = {k: v for k, v in kept["criteria"].items() if not k.startswith("devcomp")}
    return kept


def write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, separators=(",", ":"), ensure_ascii=False) + "\n", "utf-8")


def main(source: Path) -> None:
    here = Path(__file__).parent
    for folder in ("models", "data"):
        (here / folder).mkdir(exist_ok=True)
    datasets = set()
    for name in ids((source / "README.md").read_text("utf-8")):
        model = json.loads((source / "models" / f"{name}.json").read_text("utf-8"))
        write(here / "models" / f"{name}.json", trimmed(model))
        datasets.add(model["dataset"])
    for name in sorted(datasets.difference(BUNDLED)):
        sidecar = json.loads((source / "data" / f"{name}.json").read_text("utf-8"))
        write(here / "data" / f"{name}.json", sidecar)
        content = (source / "data" / f"{name}.csv").read_bytes()
        if len(content) > COMPRESSED_ABOVE:
            packed = gzip.compress(content, 9, mtime=0)
            (here / "data" / f"{name}.csv.gz").write_bytes(packed)
        else:
            (here / "data" / f"{name}.csv").write_bytes(content)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
