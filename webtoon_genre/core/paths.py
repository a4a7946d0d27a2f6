"""Every product of the pipeline, named once, relative to the working directory, which is the repository's root; it opens no file."""

from pathlib import Path

PARAMS = Path("params.yaml")
GRAPH = Path("dvc.yaml")
LOCK = Path("dvc.lock")

DATA = Path("data")
RAW = DATA / "raw"
TITLES = RAW / "titles.parquet"
EPISODES = RAW / "episodes.parquet"
THUMBNAILS = RAW / "thumbnails"
RESIZED = DATA / "resized"
EARLIER_RESIZED = DATA / ".resized"  # of the last run, in no version
LABELS = DATA / "labels.parquet"
MEAN = DATA / "mean.npz"
DATASET = DATA / "dataset.parquet"
FEATURES = DATA / "features"
PREDICTIONS = DATA / "predictions"
BEST_PREDICTIONS = DATA / "best_predictions.parquet"
BEST_STYLE = DATA / "best_style.npy"
HISTOGRAM_PREDICTIONS = PREDICTIONS / "colour_histogram.parquet"
AMBIGUITY = DATA / "ambiguity.parquet"
CROISSANT = DATA / "croissant.json"
TITLE_MAP = DATA / "title_map.parquet"

MODELS = Path("models")
PRETRAINED = MODELS / "pretrained"
EXTRACTORS = MODELS / "extractor"
TRAINED = MODELS / "trained"
SELECTED = MODELS / "selected"
SELECTED_MODEL = SELECTED / "model"
SELECTED_STYLE = SELECTED / "style.npy"
SELECTED_PREDICTIONS = SELECTED / "predictions.parquet"
SELECTED_CURVES = SELECTED / "curves"
PREDICTIONS_BEFORE = SELECTED / "before.parquet"
CLASSIFIER = MODELS / "classifier"
BEST = MODELS / "best"

METRICS = Path("metrics")
PLOTS = Path("plots")
REPORT = Path("report/index.html")
LOGS = Path("logs")  # times of this machine, in no version
MODEL_CARD = Path("MODEL_CARD.md")
DATA_CARD = Path("DATA_CARD.md")
CHECKPOINTS = MODELS / ".handling"  # finished trials of a run under way, in no version


def metrics(stage: str, item: str | None = None) -> Path:
    """metrics/STAGE.json, or metrics/STAGE/ITEM.json of a matrix stage."""
    return METRICS / f"{stage}.json" if item is None else METRICS / stage / f"{item}.json"


def table(stage: str) -> Path:
    """metrics/STAGE.md."""
    return METRICS / f"{stage}.md"


def plot(name: str) -> Path:
    """plots/NAME.png."""
    return PLOTS / f"{name}.png"


def plots(stage: str, item: str | None = None) -> Path:
    """plots/STAGE, or plots/STAGE/ITEM of a matrix stage: a folder of figures."""
    return PLOTS / stage if item is None else PLOTS / stage / item


def logs(stage: str, item: str) -> Path:
    """logs/STAGE/ITEM.json."""
    return LOGS / stage / f"{item}.json"


def features(backbone: str) -> Path:
    """Features of the dataset's rows."""
    return FEATURES / f"{backbone}.npy"


def augmented_features(backbone: str) -> Path:
    """Features of the augmented copies of train rows."""
    return FEATURES / f"{backbone}-augmented.npy"


def pretrained(backbone: str) -> Path:
    """Weights of the whole backbone, without top."""
    return PRETRAINED / f"{backbone}.weights.h5"


def extractor(backbone: str) -> Path:
    """Weights of the feature extractor that computed the features."""
    return EXTRACTORS / f"{backbone}.weights.h5"


def model(backbone: str) -> Path:
    """The classifier that `train` trains."""
    return TRAINED / backbone


def predictions(backbone: str) -> Path:
    """Predictions for val and test rows."""
    return PREDICTIONS / f"{backbone}.parquet"
