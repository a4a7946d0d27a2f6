"""Heads of several runs on synthetic features, for comparison of engines."""

from dataclasses import replace

import numpy as np

from webtoon_genre.cluster.params import ClusterParams
from webtoon_genre.core import params as params_file
from webtoon_genre.core import paths
from webtoon_genre.data.tables import DATASET, read_table
from webtoon_genre.experiments import probe
from webtoon_genre.experiments.probe import ExperimentParams, Predictions
from webtoon_genre.experiments.probe_heads import Probe, ProbeRun
from webtoon_genre.reproducibility.runtime import start_keras
from webtoon_genre.training import losses


def train_heads(cluster: ClusterParams) -> list[Predictions]:
    """Train heads on the data that write_dataset wrote to the working directory; two chunks for each run with nine seeds."""
    params = params_file.read(ExperimentParams)
    start_keras(params.runtime)
    dataset = read_table(paths.DATASET, DATASET)
    features = probe.read_features(paths.features("inception_v3"), len(dataset))
    task = probe.probe_task(dataset, features, ["thin", "bold"])
    fewer = replace(task, labels=np.zeros_like(task.labels), classes=["thin"])
    runs = [ProbeRun(fewer), ProbeRun(task, losses.focal(2.0)), ProbeRun(task)]
    return Probe(params.model_copy(update={"cluster": cluster})).fit_predict_all(runs)
