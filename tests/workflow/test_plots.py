"""workflow/plots.py and the templates in .dvc/plots: the page of `dvc plots` in a headless Chromium without a network."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from dvc_render.vega import VegaRenderer
from playwright.sync_api import Page
from ruamel.yaml import YAML

from tests.conftest import REPOSITORY, edit_params
from tests.support import plot_samples
from tests.support.remote_servers import require_program
from tests.support.tiny_pipeline import GIT, Clone
from webtoon_genre.core.errors import InputError
from workflow import plots

LABELS = {"resnet50": 2, "vgg16": 10, "vgg19": 18}  # in the confusion matrix of each backbone
RELIABILITY = {"sample/reliability.csv": {"template": "reliability", "x": "confidence", "y": "share_right"}}
SPEC = re.compile(r"var spec = (.*);\n\s*vegaEmbed\('#(.*)', spec\)")
DRAW = """async (spec) => {
  const target = document.body.appendChild(document.createElement("div"));
  await vegaEmbed(target, spec, { renderer: "svg", actions: false });
  return [...target.querySelectorAll("svg text")].map((text) => {
    const box = text.getBoundingClientRect();
    return [text.textContent, box.left, box.right, box.top, box.bottom];
  });
}"""


def declared_plots() -> dict[str, dict[str, Any]]:
    """The plots of dvc.yaml that have a template: files with the items of `LABELS` filled in, and names of the last section."""
    graph = YAML(typ="safe").load((REPOSITORY / "dvc.yaml").read_text(encoding="utf-8"))
    entries = [entry for stage in graph["stages"].values() for entry in stage.get("plots", [])] + graph["plots"]
    named = {name: options for entry in entries if isinstance(entry, dict) for name, options in entry.items()}
    return {
        name.replace("${item.backbone}", backbone): options
        for name, options in named.items()
        for backbone in LABELS
        if "template" in options
    }


def sample_files(declared: dict[str, dict[str, Any]]) -> dict[str, str]:
    """A sample for each file of plots."""
    texts = {}
    for name, options in declared.items():
        files = options["y"] if isinstance(options["y"], dict) else [name]
        texts |= {file: plot_samples.BY_TEMPLATE[options["template"]]() for file in files}
    confusions = {f"plots/evaluate/{name}/confusion.csv": plot_samples.confusion(n) for name, n in LABELS.items()}
    return texts | confusions


def make_repository(folder: Path) -> Clone:
    """A repository with this one's dvc.yaml and templates, samples in place of what stages write, and npm's packages."""
    require_program(REPOSITORY / plots.PACKAGES / "vega/build/vega.min.js")
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(REPOSITORY / name, folder)
    edit_params(folder / "params.yaml", {"train.backbones": list(LABELS)})
    with (folder / "dvc.yaml").open("r+", encoding="utf-8") as file:
        graph = YAML(typ="safe").load(file)
        graph["plots"].append(RELIABILITY)
        file.seek(0)
        YAML().dump(graph, file)
        file.truncate()
    clone = Clone(folder)
    clone.type("git init -q -b main && dvc init -q")
    shutil.copytree(REPOSITORY / ".dvc/plots", folder / ".dvc/plots", dirs_exist_ok=True)
    for name, text in sample_files(declared_plots() | RELIABILITY).items():
        write(folder / name, text)
    (folder / ".servers").mkdir()
    (folder / plots.PACKAGES).symlink_to(REPOSITORY / plots.PACKAGES)
    return clone


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def make_page(clone: Clone, *revisions: str) -> Path:
    """Run `make plots`'s command: the page that it writes."""
    clone.type(" ".join(["python -m workflow.plots", *revisions]), PYTHONPATH=str(REPOSITORY))
    return clone.folder / "dvc_plots/index.html"


def read_specs(page: Path) -> dict[str, dict[str, Any]]:
    """Vega-Lite's description of each chart in a page, by the chart's id."""
    return {name: json.loads(spec) for spec, name in SPEC.findall(page.read_text(encoding="utf-8"))}


def test_the_packages_are_of_the_versions_that_dvc_s_own_page_loads():
    # charts are tested with what the page loads where there is a web
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    packages = re.search(r"^NODE_SERVERS := (.*)$", makefile, re.MULTILINE).group(1).split()
    assert [name for name in packages if name.startswith("vega")] == re.findall(
        r"vega[-\w]*@[\d.]+", VegaRenderer.SCRIPTS
    )


def test_git_has_the_templates_and_dvc_yaml_names_no_others():
    command = ["git", "ls-files", ".dvc/plots"]
    listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.split()
    assert {Path(path).stem for path in listed} == set(plot_samples.BY_TEMPLATE)
    assert {options["template"] for options in declared_plots().values()} <= set(plot_samples.BY_TEMPLATE)


def test_a_missing_package_is_one_line(tmp_path):
    with pytest.raises(InputError) as error:
        plots.page_template(tmp_path)
    assert str(error.value) == f"{tmp_path}/vega/build/vega.min.js is not there; `make plots` installs it from npm"


def test_a_script_does_not_end_its_element(tmp_path):
    (tmp_path / "vega/build").mkdir(parents=True)
    (tmp_path / "vega/build/vega.min.js").write_text('"</script>"')
    assert plots.script_element(tmp_path, "vega") == r'<script>"<\/script>"</script>'


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    return make_repository(tmp_path_factory.mktemp("plots"))


@pytest.fixture(scope="module")
def page_file(repository):
    return make_page(repository)


@pytest.fixture
def open_page(browser):
    """A function that opens a page offline; at the end no error was in the console, and no file but the page's was asked for."""
    problems: list[str] = []
    context = browser.new_context(viewport={"width": 1400, "height": 900}, offline=True)

    def open_file(path: Path) -> Page:
        page = context.new_page()
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: None if is_below(request.url, path) else problems.append(request.url))
        page.goto(path.as_uri())
        return page

    yield open_file
    context.close()
    assert problems == []


def is_below(url: str, page: Path) -> bool:
    return url.startswith((page.parent.as_uri(), "data:", "blob:"))


@pytest.fixture(scope="module")
def texts_of(browser, page_file):
    """The texts of each chart of the page, by its id."""
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    page.goto(page_file.as_uri())
    yield {name: draw(page, spec) for name, spec in read_specs(page_file).items()}
    page.close()


def draw(page: Page, spec: dict[str, Any]) -> list[list[Any]]:
    """Draw a chart: its texts, each with the left, right, top and bottom of its box, pixels."""
    return page.evaluate(DRAW, spec)


def words(texts: list[list[Any]]) -> list[str]:
    return [text for text, *_ in texts]


@pytest.mark.slow
def test_every_chart_of_the_page_is_drawn_without_a_network(open_page, page_file):
    page = open_page(page_file)
    expected = {VegaRenderer.remove_special_chars(name) for name in declared_plots() | RELIABILITY}
    assert set(read_specs(page_file)) == expected
    page.wait_for_function(f"document.querySelectorAll('.vega-embed canvas').length >= {len(expected)}", timeout=60_000)
    for name in expected:
        size = page.locator(f"#{name} canvas").bounding_box()
        assert min(size["width"], size["height"]) > 100, name


@pytest.mark.slow
@pytest.mark.parametrize("backbone", LABELS)
def test_a_confusion_matrix_has_each_label_on_both_axes_in_the_order_of_the_data(texts_of, backbone):
    names = plot_samples.label_names(LABELS[backbone])
    rows, columns = [], []
    for name in names:
        row, column = sorted(box for text, *box in texts_of[confusion_id(backbone)] if text == name)  # by the left side
        rows.append(row[2])
        columns.append(column[1])  # slanted: it ends below its column
    assert rows == sorted(rows)
    assert columns == sorted(columns)


@pytest.mark.slow
@pytest.mark.parametrize("backbone", LABELS)
def test_counts_of_a_confusion_matrix_are_in_cells_of_their_own(texts_of, backbone):
    counts = [box for text, *box in texts_of[confusion_id(backbone)] if text.isdigit()]
    cells = set(plot_samples.confusion(LABELS[backbone]).splitlines()[1:])
    assert len(counts) == len(cells) + 1  # a zero for the label that is never predicted
    for place, (left, right, top, bottom) in enumerate(counts):
        for other in counts[:place]:
            assert right <= other[0] or other[1] <= left or bottom <= other[2] or other[3] <= top


def confusion_id(backbone: str) -> str:
    return f"plots_evaluate_{backbone}_confusion_csv"


@pytest.mark.slow
def test_learning_curves_have_a_panel_a_model_with_both_splits(texts_of):
    texts = words(texts_of["accuracy_by_epoch"])
    assert {"resnet50", "vgg16", "models/best", "epoch", "accuracy", "val", "train", "workspace"} <= set(texts)


@pytest.mark.slow
def test_the_grid_names_the_trials_of_each_panel_and_those_that_failed(texts_of):
    texts = words(texts_of["plots_handling_trials_csv"])
    panels = [f"{plot_samples.BACKBONES[0]}0 unfrozen"]
    panels += [f"{plot_samples.BACKBONES[1]}{layers} unfrozen" for layers in (0, 10, "all")]
    assert [text for text in texts if text.endswith("unfrozen")] == panels
    assert texts.count("failed") == 1
    assert {"learning rate", "validation accuracy", "128", "256", "1024"} <= set(texts)


@pytest.mark.slow
def test_a_reliability_diagram_tells_before_and_after_apart(texts_of):
    texts = words(texts_of["sample_reliability_csv"])
    assert {"confidence", "share_right", "images", "temperature scaling", *plot_samples.KINDS} <= set(texts)


@pytest.mark.slow
def test_revisions_are_compared_in_one_chart(open_page, tmp_path):
    clone = make_repository(tmp_path)
    graph = {"plots": [{name: options} for name, options in comparable_plots().items()]}
    YAML().dump(graph, tmp_path / "dvc.yaml")
    for name, text in sample_files(comparable_plots()).items():
        write(tmp_path / name, text)
    clone.type(f"git add -A && {GIT} commit -qm one && {GIT} commit -qm two --allow-empty")
    page_file = make_page(clone, "HEAD~1", "HEAD")
    page, specs = open_page(page_file), read_specs(page_file)
    assert len(specs) == len(plot_samples.BY_TEMPLATE)
    for spec in specs.values():
        assert {"HEAD~1", "HEAD"} <= set(words(draw(page, spec)))


def comparable_plots() -> dict[str, dict[str, Any]]:
    """One plot a template, of a file of its own."""
    options = {entry["template"]: entry for entry in (declared_plots() | RELIABILITY).values()}
    return {
        f"sample/{template}.csv": {
            **entry,
            "y": next(iter(entry["y"].values())) if isinstance(entry["y"], dict) else entry["y"],
        }
        for template, entry in options.items()
    }


@pytest.mark.slow
def test_the_template_of_the_page_can_be_dvc_s_own_from_then_on(repository, page_file):
    before = (repository.folder / ".dvc/config").read_bytes()
    repository.type("dvc config --local plots.html_template ../.servers/plots.html && dvc plots show -o other")
    assert "https://cdn" not in (repository.folder / "other/index.html").read_text(encoding="utf-8")
    assert (repository.folder / ".dvc/config").read_bytes() == before
    repository.type("dvc config --local --unset plots.html_template && dvc plots show -o other")
    assert "https://cdn" in (repository.folder / "other/index.html").read_text(encoding="utf-8")
