"""Work on many items on the machines of a Ray cluster, by Ray Data: workers are actors, each of which builds its function once.

Ray Data streams items and results, holds workers back where the caller is slow, and restarts the workers of a machine that is lost
on other machines, with the items that they had not finished.
"""

import importlib.util
import logging
import socket
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from webtoon_genre.cluster.digests import describe
from webtoon_genre.cluster.input_files import FileReader, Locate
from webtoon_genre.cluster.params import ClusterParams
from webtoon_genre.cluster.storage import Storage, environment
from webtoon_genre.core.errors import InputError

if TYPE_CHECKING:
    import ray

PACKAGE = Path(__file__).parents[1]  # the code that workers run; Ray sends it to them
TIMEOUT = 10  # seconds for the cluster to answer
STARTS = 11  # of a worker whose process or machine is lost again and again
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Job(Generic[Item, Result]):
    """Work on many items.

    build: called once in each worker, with the function that locates input files there; returns the function from an item to its
    result. It and the items are pickled. files: all input files, relative to the repository. cores: of a worker. gpu: whether a worker
    takes a GPU, if the cluster has any. ordered: whether results come in the order of the items, or when they are done. ahead: items
    that wait at a worker while it works on another one.
    """

    build: Callable[[Locate], Callable[[Item], Result]]
    cores: int
    gpu: bool
    files: Sequence[Path] = field(default_factory=list)
    ordered: bool = True
    ahead: int = 1


def run(job: Job[Item, Result], items: Sequence[Item], params: ClusterParams) -> Iterator[Result]:
    """Yield the results of `items`; an InputError in a worker is raised here."""
    if importlib.util.find_spec("ray") is None:
        raise InputError("cluster.engine is ray, which is not installed here; install webtoon-genre[ray]")
    import ray
    from ray import cloudpickle

    connect(params.address or "")
    resources, workers = worker_resources(job.cores, job.gpu)
    driver = start_driver_actor()
    setup = ray.put(Setup(job.build, driver, prepare_reader(job.files, params.storage, driver), STARTS))
    ray.data.DataContext.get_current().execution_options.preserve_order = job.ordered
    rows = [{"item": cloudpickle.dumps(item)} for item in items]
    dataset = ray.data.from_items(rows, override_num_blocks=len(rows)).map(
        Worker,  # type: ignore[arg-type]  # Ray's annotation lacks classes
        fn_constructor_args=(setup,),
        compute=ray.data.ActorPoolStrategy(size=min(workers, len(rows)), max_tasks_in_flight_per_actor=1 + job.ahead),
        **resources,
    )
    yield from results(dataset)


def prepare_reader(paths: Sequence[Path], url: str | None, driver: Any) -> FileReader:
    """What gives workers the content of the files at `paths`: from the storage at `url`, where this puts them, or from the driver."""
    files = describe(paths)
    if not (files and url):
        return FileReader(files, Path.cwd(), None, RemoteRead(driver))
    storage = Storage(url, environment())
    storage.put_missing(files.values())
    return FileReader(files, Path.cwd(), storage, None)


def results(dataset: "ray.data.Dataset") -> Iterator[Any]:
    """The results of a dataset as they come; a worker's InputError is raised."""
    from ray import cloudpickle

    for row in dataset.iter_rows():
        result = cloudpickle.loads(row["result"])
        if isinstance(result, InputError):
            raise result
        yield result


@dataclass(frozen=True)
class Setup:
    """What a worker starts with. starts: of a worker, at most."""

    build: Callable[[Locate], Callable[[Any], Any]]
    driver: Any
    reader: FileReader
    starts: int


class Worker:
    """An actor of Ray Data. The first item builds the function: an error in an actor's constructor would be tried again."""

    def __init__(self, setup: "ray.ObjectRef"):
        self.setup = setup
        self.function: Callable[[Any], Any] | None = None

    def __call__(self, row: dict[str, bytes]) -> dict[str, bytes]:
        """The pickled result of a pickled item, or its InputError."""
        from ray import cloudpickle

        try:
            result = self._function()(cloudpickle.loads(row["item"]))
        except InputError as error:
            result = InputError(str(error))
        return {"result": cloudpickle.dumps(result)}

    def _function(self) -> Callable[[Any], Any]:
        import ray

        if self.function is None:
            setup = ray.get(self.setup)
            worker = ray.get_runtime_context().get_actor_id()
            if ray.get(setup.driver.count_start.remote(worker)) > setup.starts:
                raise InputError(
                    f"a worker of the Ray cluster was lost {setup.starts} times, perhaps for lack of memory; start `ray start` with a "
                    "smaller --num-cpus, so that fewer workers share a machine, and run the stage again"
                )
            self.function = setup.build(setup.reader.locate)
        return self.function


class DriverActor:
    """An actor on the driver's machine: it reads files for workers that lack them, when they need them, and counts workers' starts.

    Ray Data starts a lost worker again without end.
    """

    def __init__(self, root: Path):
        self.root = root
        self.starts: Counter[str] = Counter()

    def read(self, path: Path) -> bytes:
        """The content of a file."""
        return (self.root / path).read_bytes()

    def count_start(self, worker: str) -> int:
        """How often a worker has started, with this time."""
        self.starts[worker] += 1
        return self.starts[worker]


@dataclass(frozen=True)
class RemoteRead:
    """Reads a file of the driver from another process."""

    driver: Any

    def __call__(self, path: Path) -> bytes:
        """The content of a file."""
        import ray

        return ray.get(self.driver.read.remote(path))


def start_driver_actor() -> Any:
    """A DriverActor on this machine, which ends with its last handle."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    return ray.remote(DriverActor).options(num_cpus=0, scheduling_strategy=here).remote(Path.cwd())


def connect(address: str) -> None:
    """Join the cluster, once in a process; a plain connection is tried first, since Ray takes minutes to report that nobody answers."""
    import ray

    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise InputError(f"cluster.address is {address!r}; give the host:port that `ray start --head` prints")
    if ray.is_initialized():
        return
    try:
        socket.create_connection((host, int(port)), TIMEOUT).close()
        start_quietly(address)
    except (OSError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:160]
        raise InputError(
            f"no Ray cluster answers at cluster.address {address} ({reason}); start one with `ray start --head`"
        ) from None


def start_quietly(address: str) -> None:
    """Join without Ray's notices: the stage shows progress."""
    import ray
    import ray.data

    ray.init(address, runtime_env={"py_modules": [str(PACKAGE)]}, log_to_driver=False, logging_level=logging.ERROR)
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = context.print_on_execution_start = False


def worker_resources(cores: int, gpu: bool) -> tuple[dict[str, Any], int]:
    """What a worker needs of a machine, cores and a GPU if the cluster has any, and how many workers the cluster has room for."""
    import ray

    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    most = max((int(machine.get("CPU", 0)) for machine in machines), default=0)
    if most < cores:
        raise InputError(
            f"a worker takes {cores} cores (runtime.intra_op): no machine of the Ray cluster has more than {most}"
        )
    if not (gpu and any(machine.get("GPU", 0) for machine in machines)):
        return {"num_cpus": cores}, sum(int(machine.get("CPU", 0) // cores) for machine in machines)
    places = (min(machine.get("CPU", 0) // cores, machine.get("GPU", 0)) for machine in machines)
    return {"num_cpus": cores, "num_gpus": 1}, max(1, int(sum(places)))
