"""params.yaml: runtime, for tests that compute in their process."""

from webtoon_genre.reproducibility.runtime import Runtime

RUNTIME = Runtime(
    deterministic=True,
    instructions="portable",
    inter_op=1,
    intra_op=2,
    precision="float32",
    xla=False,
    backend="tensorflow",
)
