"""Make `models/` and `data/` of this folder from the full golden references.

    python trim_reference.py SOURCE

SOURCE holds `README.md` (its table lists the ids), `models/*.json` and `data/*.csv[.gz]` with
sidecars, as the R scripts left them. Kept: the keys in KEYS, for the linear models. Data above 20 kB
are compressed; of the two largest tables the columns that no model uses are left out. Run by hand,
never by the tests.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import sys
from pathlib import Path

KEYS = (
    "id", "tags", "dataset", "versions", "call", "known_wrong_in_R", "N", "n_groups",
    "fixed_names", "dropped_columns", "na_rows", "theta", "sigma", "varcorr", "fixef", "se",
    "vcov", "criteria", "ranef", "fitted", "resid_response", "devfun", "satterthwaite_accurate",
    "coef_satterthwaite", "isSingular", "coef_kenward_roger", "kr_vcov", "anova", "car_anova_F_KR",
    "car_anova_chisq", "ranova", "drop1_F_satterthwaite", "drop1_LRT", "lrt", "confint", "emmeans",
    "predict", "hatvalues", "r2", "icc", "insight_variance", "coef_first", "resid_pearson",
    "resid_pearson_scaled",
)  # fmt: skip
TABLES = ("One grouping factor, LMM", "Several grouping factors, LMM")
UNUSED = {"Chem97": ("student", "gender", "age", "gcsescore", "gcsecnt"), "InstEval": ("dept",)}
BUNDLED = ("timss_like", "eclsk_like")  # come with the package: echelon.datasets
COMPRESSED_ABOVE = 20_000


def ids(readme: str) -> list[str]:
    """The ids of the tables of linear models."""
    found = []
    for title in TABLES:
        table = readme.split(f"## {title}")[1].split("\n## ")[0]
        rows = [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("|")]
        found += rows[2:]
    return found


def trimmed(model: dict) -> dict:
    kept = {key: model[key] for key in KEYS if key in model}
    kept["criteria"] = {k: v for k, v in kept["criteria"].items() if not k.startswith("devcomp")}
    return kept


def write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, separators=(",", ":"), ensure_ascii=False) + "\n", "utf-8")


def without(sidecar: dict, content: bytes, unused: tuple[str, ...]) -> tuple[dict, bytes]:
    """A table and its sidecar without some columns; the checksum is that of what is left."""
    header, *rows = csv.reader(content.decode("utf-8").splitlines())
    kept = [i for i, name in enumerate(header) if name not in unused]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([r[i] for i in kept] for r in (header, *rows))
    content = text.getvalue().encode("utf-8")
    columns = [c for c in sidecar["columns"] if c["name"] not in unused]
    changed = {"columns": columns, "ncol": len(columns), "columns_left_out": list(unused)}
    return {**sidecar, **changed, "sha256_csv": hashlib.sha256(content).hexdigest()}, content


def original(folder: Path, name: str) -> bytes:
    packed = folder / f"{name}.csv.gz"
    if packed.exists():
        return gzip.decompress(packed.read_bytes())
    return (folder / f"{name}.csv").read_bytes()


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
        content = original(source / "data", name)
        if name in UNUSED:
            sidecar, content = without(sidecar, content, UNUSED[name])
        write(here / "data" / f"{name}.json", sidecar)
        if len(content) > COMPRESSED_ABOVE:
            packed = gzip.compress(content, 9, mtime=0)
            (here / "data" / f"{name}.csv.gz").write_bytes(packed)
        else:
            (here / "data" / f"{name}.csv").write_bytes(content)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
