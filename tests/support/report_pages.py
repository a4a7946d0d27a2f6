"""Reports for tests of the review: small pages, and two that the stage writes for different numbers."""

import contextlib
import json
import shutil
from pathlib import Path

from tests.support.report_inputs import write_inputs, write_lock
from webtoon_genre.core import paths
from webtoon_genre.core.files import write_json
from webtoon_genre.plotting import figures

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>r</title><style>
@font-face {{ font-family: "Report Korean"; src: url("data:font/woff;base64,{font}"); }}
p {{ color: black; }}
:root {{ --columns: 40; --sheet: url(data:image/jpeg;base64,{sheet}); }}
</style></head><body><header><h1>Question?</h1>{header}</header><main>{sections}
<section id="experiments"><h2 id="experiments-title">Experiments</h2>{articles}</section>
</main><script>0</script></body></html>
"""


def report_page(sections=None, articles=None, header="", font="AAAA", sheet="AAAA") -> bytes:
    """A page in the report's form; sections and articles: their contents by id."""
    parts = [
        f'<section id="{name}" aria-labelledby="{name}-title"><h2 id="{name}-title">{name.title()}</h2>{text}</section>'
        for name, text in (sections or {}).items()
    ]
    experiments = [
        f'<article id="experiment-{name}"><h3 id="experiment-{name}-title">{name.title()}</h3>{text}</article>'
        for name, text in (articles or {}).items()
    ]
    shown = {"sections": "".join(parts), "articles": "".join(experiments)}
    return PAGE.format(header=header, font=font, sheet=sheet, **shown).encode()


def number(source: str, value: float) -> str:
    """A number as the report has it."""
    return f'<data value="{value}" data-source="{source}">{value:.3f}</data>'


def two_reports(folder: Path, params: Path, edit) -> tuple[bytes, bytes]:
    """The stage's pages before and after a change of an experiment and of the model's accuracy. edit: changes a params.yaml."""
    from stages import report

    shutil.copy(params, folder / "params.yaml")
    with contextlib.chdir(folder):
        write_inputs(["bird", "cat", "dog"], lambda values: edit(Path("params.yaml"), values))
        report.main()
        before = paths.REPORT.read_bytes()
        change_results()
        report.main()
        return before, paths.REPORT.read_bytes()


def change_results() -> None:
    """Other numbers of the experiment `weather`, one of its figures, and another accuracy of the model."""
    weather, finetune = (json.loads(paths.metrics(name).read_text()) for name in ("weather", "finetune"))
    weather["change"]["difference"], weather["outcome"] = 0.25, "accuracy on rainy days: a gain, +0.250"
    finetune["best"]["test"]["accuracy"] = finetune["best"]["test_detail"]["averages"]["micro_f1"] = 0.875
    write_json(paths.metrics("weather"), weather)
    write_json(paths.metrics("finetune"), finetune)
    figures.save(figures.note("figure weather: 0.750"), paths.plot("weather"))
    write_lock()
