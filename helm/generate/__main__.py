"""`python -m helm.generate`: writes values.schema.json and README.md of the chart anew."""

import json
from pathlib import Path

from helm.generate import CHART
from helm.generate.readme import make_readme
from helm.generate.schema import make_schema
from helm.generate.values import read_values

HEAD = Path(__file__).parent / "README.head.md"


def made() -> dict[Path, str]:
    """What is to stand in which file."""
    values = read_values(CHART / "values.yaml")
    return {
        CHART / "values.schema.json": json.dumps(make_schema(values), indent=2, ensure_ascii=False) + "\n",
        CHART / "README.md": make_readme(HEAD.read_text(), values),
    }


if __name__ == "__main__":
    for path, text in made().items():
        path.write_text(text)
        print(path.relative_to(CHART.parents[1]))
