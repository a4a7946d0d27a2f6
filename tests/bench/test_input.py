"""bench/input.py: what its pipelines read, and what it counts as waiting."""

import time

import numpy as np

from bench import input as bench_input
from webtoon_genre.core.prefetch import prefetch
from webtoon_genre.training import batches


def test_every_pipeline_but_tf_data_reads_all_images_once(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (250, 112, 112, 3), np.uint8)
    total = images.sum(dtype=np.int64)
    for way, read in bench_input.pipelines(images, tmp_path).items():
        if "tf.data" not in way:
            arrays = [batch[0] if isinstance(batch, tuple) else batch for batch in read()]
            assert sum(array.sum(dtype=np.int64) for array in arrays) == total, way


def test_only_the_time_for_a_batch_that_is_not_ready_is_waiting():
    with bench_input.measured_waits() as waiting:
        for _ in batches.prefetch(lambda item: time.sleep(0.05), range(3)):
            pass
        slow_reader = waiting.seconds
        for _ in batches.prefetch(lambda item: item, range(3)):
            time.sleep(0.05)
    assert slow_reader >= 0.15
    assert batches.prefetch is prefetch


def test_memory_of_files_is_not_counted(tmp_path):
    features = bench_input.write_features(tmp_path / "features.npy", 4000)  # 33 MB
    with bench_input.anonymous_memory() as memory:
        total = features.sum()
        block = np.ones(25_000_000)  # 200 MB; tests before may have left memory that this process gives back meanwhile
        time.sleep(0.1)
    assert total > 0 and block[0] == 1
    assert 140e6 < memory[0] < 215e6
