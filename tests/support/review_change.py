"""A change of a commit without any difference, for tests of the review comment."""

from workflow.comment import Change

CHANGE = Change(
    against="main",
    base="b" * 40,
    head="a" * 40,
    params={},
    metrics={},
    intervals={},
    titles=None,
    before={},
    after={},
    artifacts={},
    stale=[],
    figures=[],
)
