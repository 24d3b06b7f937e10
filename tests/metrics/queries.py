"""What PromQL expressions name."""

import promql_parser

from tests.metrics.conftest import Watched

ONLY_WITH_TLS = {"cronquorum_certificate_expiry_timestamp_seconds"}


def names_in(expression: str) -> set[str]:
    """The metrics that an expression asks for. Raises ValueError when it is none."""
    found: set[str] = set()

    def look(node: promql_parser.Expr) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            assert node.name, "a selector without a name"
            found.add(node.name)

    promql_parser.walk(promql_parser.parse(expression), look)
    return found


def metric_names(watched: Watched) -> set[str]:
    """What the parts of a cluster tell of, all together."""
    ids = (watched.leader, watched.follower, "executor-1")
    return {name.partition("{")[0] for id_ in ids for name in watched.values(id_)}
