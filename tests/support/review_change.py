"""A change of a commit without any difference, for tests of the review comment."""

from workflow.changes import ModelChanges
from workflow.comment import Change
from workflow.reports import Reports

CHANGE = Change(
    against="main",
    base="b" * 40,
    head="a" * 40,
    params={},
    metrics={},
    models=ModelChanges({}, []),
    before={},
    after={},
    artifacts={},
    stale=[],
    figures=[],
    reports=Reports(None, [], []),
)
