"""The params that choose where work runs: this machine, or the machines of a Ray cluster; they change no result."""

from typing import Literal

from pydantic import model_validator

from webtoon_genre.core.params import Section


class ClusterParams(Section):
    """params.yaml: cluster. address: of the Ray cluster, host:port. storage: an fsspec URL from which its machines read input files."""

    engine: Literal["local", "ray"]
    address: str | None
    storage: str | None

    @model_validator(mode="after")
    def _has_address(self) -> "ClusterParams":
        if self.engine == "ray" and self.address is None:
            raise ValueError("engine ray needs cluster.address, the cluster's host:port")
        return self


LOCAL = ClusterParams(engine="local", address=None, storage=None)
