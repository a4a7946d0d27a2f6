"""How tests that compute in their own process run operations: as params.yaml does, with another seed and little memory."""

from webtoon_genre.reproducibility.runtime import Runtime

MACHINE = Runtime(
    seed=1,
    deterministic=True,
    instructions="portable",
    inter_op=1,
    intra_op=2,
    precision="float32",
    xla=False,
    memory=100,
)
