"""The dashboard is whole: Grafana itself is not at hand, so what it would stumble over is looked for."""

import json
from itertools import combinations
from pathlib import Path

from airflow_provider_stash.metrics.series import backup_registry, restore_registry
from tests.unit.metrics.test_series import HOST, STATUS, identity

DASHBOARD = json.loads((Path(__file__).parents[3] / "monitoring" / "dashboard.json").read_text())
PANELS = DASHBOARD["panels"]


def test_every_panel_says_what_it_shows_and_takes_the_chosen_prometheus():
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    for panel in PANELS:
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"]
        for where in (panel, *panel["targets"]):
            assert where["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


def test_no_panel_lies_on_another_or_out_of_the_grid():
    cells = [
        {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        for place in (panel["gridPos"] for panel in PANELS)
    ]
    assert all(0 <= x < 24 for one in cells for x, _ in one)
    assert not any(one & other for one, other in combinations(cells, 2))


def test_every_series_of_a_query_is_one_that_is_pushed():
    import re

    pushed = {
        metric.name
        for registry in (
            backup_registry(identity(), success=True, duration=1, now=1, host=HOST, repository=STATUS),
            restore_registry(identity(), success=True, duration=1, now=1),
        )
        for metric in registry.collect()
    }
    asked = {
        name for panel in PANELS for one in panel["targets"] for name in re.findall(r"stash_\w+", one["expr"])
    }
    assert asked
    assert asked <= pushed
