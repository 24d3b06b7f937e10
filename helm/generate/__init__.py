"""Makes what of the chart is made: values.schema.json and README.md, from values.yaml and the settings' schemas."""

from pathlib import Path

CHART = Path(__file__).parents[1] / "cronquorum"
