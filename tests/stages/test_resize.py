"""stages/resize.py: every thumbnail becomes a row of its title's array and of the index, or a reject with a reason."""

import hashlib
import json
import logging
import os
import shutil
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages import resize
from stages.resize import image_files, resize_files, summary, tables
from tests.support.image_factory import encode, picture, quarters, title, write_raw
from webtoon_genre.cluster.params import LOCAL
from webtoon_genre.core import paths
from webtoon_genre.core.errors import InputError
from webtoon_genre.data.images import decode_rgb, fit_square, perceptual_hash, silent_decoders
from webtoon_genre.data.resizing import ResizeParams, Rows, ServedImage, resize_images
from webtoon_genre.data.tables import INDEX, REJECTED, SHARED_IMAGES, ThumbnailStore, read_table, write_table

PARAMS = ResizeParams(side=32, interpolation="linear", max_pixels=100_000)
GOOD = {no: encode(picture(no, 50 + no, 30)) for no in (1, 2, 4)}
NOISY = GOOD[1][:-2] + b"\x55" * 40 + GOOD[1][-2:]  # libjpeg warns: "40 extraneous bytes before marker"
BROKEN = {
    1: encode(picture(1))[:-40],
    2: b"<html>403</html>",
    3: encode(quarters(), "PNG")[:-30] + b"\x00" * 18 + encode(quarters(), "PNG")[-12:],
    4: encode(quarters(2, 2)[:1, :1], "PNG"),
    5: encode(quarters(400, 300), "PNG"),
}
REASONS = {1: "truncated", 2: "undecodable", 3: "undecodable", 4: "one_pixel", 5: "too_many_pixels"}


def images(files: dict[int, bytes]) -> list[ServedImage]:
    return [(7, no, content) for no, content in files.items()]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture
def raw(workspace: Path, set_params: Callable[..., None]) -> Path:
    """Write data/raw of three titles, one without a usable image; set small squares."""
    set_params({"resize.side": 32, "resize.max_pixels": 100_000})
    titles = [title(30, ["daily"], GOOD), title(4, ["comic"], {**GOOD, 5: BROKEN[1]}), title(100, ["drama"], BROKEN)]
    write_raw(workspace / "data/raw", titles)
    return workspace / "data/raw"


def test_rows_are_sorted_by_number_and_hold_the_fitted_image():
    pixels, rows = resize_images(images(dict(reversed(GOOD.items()))), "7", PARAMS)
    assert [(row["no"], row["row"]) for row in rows.usable] == [(1, 0), (2, 1), (4, 2)]
    for row, no in enumerate(GOOD):
        assert np.array_equal(pixels[row], fit_square(decode_rgb(GOOD[no], "", 10**6), 32, "linear"))


def test_the_index_holds_digest_size_and_hash_of_the_original_image():
    _, rows = resize_images(images({4: GOOD[4]}), "7", PARAMS)
    assert rows.usable == [
        {
            "title_id": 7,
            "no": 4,
            "file": "7",
            "row": 0,
            "sha256": hashlib.sha256(GOOD[4]).hexdigest(),
            "width": 54,
            "height": 30,
            "perceptual_hash": perceptual_hash(decode_rgb(GOOD[4], "", 10**6)),
        }
    ]


def test_unusable_images_are_rejected_with_their_reason_and_leave_no_gap():
    pixels, rows = resize_images(images({**BROKEN, 6: GOOD[1]}), "7", PARAMS)
    assert {row["no"]: row["reason"] for row in rows.rejected} == REASONS
    assert rows.rejected[4]["detail"] == "400 × 300 pixels are more than 100000"
    assert [(row["no"], row["row"]) for row in rows.usable] == [(6, 0)]
    assert len(pixels) == 1


def test_the_parameters_reach_the_pixels():
    nearest, _ = resize_images(images(GOOD), "7", PARAMS.model_copy(update={"interpolation": "nearest"}))
    linear, _ = resize_images(images(GOOD), "7", PARAMS)
    larger, _ = resize_images(images(GOOD), "7", PARAMS.model_copy(update={"side": 48}))
    assert not np.array_equal(nearest, linear)
    assert larger.shape == (3, 48, 48, 3)


def test_rejects_are_counted_by_reason():
    _, rows = resize_images(images({**BROKEN, 6: GOOD[1]}), "7", PARAMS)
    assert summary(pd.DataFrame(rows.usable), pd.DataFrame(rows.rejected)) == {
        "images": 1,
        "titles": 1,
        "rejected": 5,
        "rejected_by_reason": {"one_pixel": 1, "too_many_pixels": 1, "truncated": 1, "undecodable": 2},
    }


def test_the_stage_writes_arrays_index_rejects_and_metrics(raw, run_stage, workspace):
    result = run_stage("resize")
    assert (result.returncode, result.stderr) == (0, "resize: 6 images of 2 titles, 6 rejected\n")
    resized = workspace / "data/resized"
    assert sorted(contents(resized)) == ["30.npy", "4.npy", "index.parquet", "rejected.parquet"]
    array = np.load(resized / "4.npy")
    assert (array.shape, array.dtype) == ((3, 32, 32, 3), np.uint8)
    index = read_table(resized / "index.parquet", INDEX)
    assert list(zip(index["title_id"], index["no"], strict=True)) == [
        (title_id, no) for title_id in (4, 30) for no in (1, 2, 4)
    ]
    rejected = read_table(resized / "rejected.parquet", REJECTED)
    assert list(zip(rejected["title_id"], rejected["no"], strict=True)) == [(4, 5), *((100, no) for no in BROKEN)]
    metrics = json.loads((workspace / "metrics/resize.json").read_text())
    assert metrics["rejected_by_reason"] == {"one_pixel": 1, "too_many_pixels": 1, "truncated": 2, "undecodable": 2}


def write_shared(folder: Path, name: str, rows: list[tuple[int, int, bytes]]) -> None:
    """Write a file of images that titles share."""
    write_table(pd.DataFrame(rows, columns=SHARED_IMAGES.names), SHARED_IMAGES, folder / f"{name}.parquet")


def test_titles_that_share_a_file_share_an_array(raw, workspace):
    rows = [(50, 2, GOOD[2]), (50, 1, GOOD[1]), (2, 1, BROKEN[2]), (2, 2, GOOD[4])]
    write_shared(raw / "thumbnails", "shared-0-63", rows)
    resize.main()
    resized = workspace / "data/resized"
    assert sorted(contents(resized)) == ["30.npy", "4.npy", "index.parquet", "rejected.parquet", "shared-0-63.npy"]
    index = read_table(resized / "index.parquet", INDEX)
    assert [(*row,) for row in index[["title_id", "no", "file", "row"]].itertuples(index=False)] == [
        (2, 2, "shared-0-63", 0),
        *((4, no, "4", row) for row, no in enumerate(GOOD)),
        *((30, no, "30", row) for row, no in enumerate(GOOD)),
        (50, 1, "shared-0-63", 1),
        (50, 2, "shared-0-63", 2),
    ]
    pixels = ThumbnailStore(resized).take(index)
    assert np.array_equal(pixels[0], fit_square(decode_rgb(GOOD[4], "", 10**6), 32, "linear"))
    assert np.array_equal(pixels[-1], fit_square(decode_rgb(GOOD[2], "", 10**6), 32, "linear"))
    assert read_table(resized / "rejected.parquet", REJECTED)["title_id"].tolist()[0] == 2


def test_an_image_in_two_files_is_one_line_of_error_and_the_old_output_stays(raw, workspace):
    write_shared(raw / "thumbnails", "shared-0-63", [(2, 1, GOOD[1]), (30, 4, GOOD[4])])
    assert error_message(workspace) == (
        "data/raw/thumbnails holds image 4 of title 30 twice: the last crawl did not end; run `dvc repro --force crawl`"
    )


def test_two_runs_write_the_same_bytes_with_any_number_of_threads_or_processes(raw, tmp_path, monkeypatch):
    results = []
    for workers, many in ((1, 0), (5, 10**6), (2, 0)):  # one thread, five threads, two processes
        monkeypatch.setattr(os, "cpu_count", lambda workers=workers: workers)
        monkeypatch.setattr(resize, "MANY", many)
        folder = tmp_path / f"{workers}-{many}"
        folder.mkdir()
        index, rejected = tables(resize_files(image_files(raw / "thumbnails"), folder, PARAMS, LOCAL))
        results.append((contents(folder), index.to_csv(), rejected.to_csv()))
    assert results[0] == results[1] == results[2]


def test_many_images_are_shared_among_processes(raw, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    for many, kind in ((10**6, ThreadPoolExecutor), (1, ProcessPoolExecutor)):
        monkeypatch.setattr(resize, "MANY", many)
        with resize.start_pool(image_files(raw / "thumbnails")) as pool:
            assert isinstance(pool, kind)


@pytest.fixture
def computed(raw, monkeypatch) -> list[str]:
    """Many images, as far as the stage can tell; the files that it computes, by name."""
    names: list[str] = []
    resize_file = resize.resize_file

    def record(path: Path, folder: Path, params: ResizeParams) -> Rows:
        names.append(path.stem)
        return resize_file(path, folder, params)

    monkeypatch.setattr(resize, "MANY", 1)
    monkeypatch.setattr(resize, "start_pool", lambda files: ThreadPoolExecutor(1))
    monkeypatch.setattr(resize, "resize_file", record)
    return names


def outputs(workspace: Path) -> dict[str, bytes]:
    return {**contents(workspace / "data/resized"), "metrics": (workspace / "metrics/resize.json").read_bytes()}


def test_after_one_more_episode_only_its_title_is_computed_and_the_bytes_are_those_of_a_new_run(
    computed, raw, workspace
):
    resize.main()
    assert sorted(computed) == ["100", "30", "4"]
    computed.clear()
    write_raw(
        raw, [title(30, ["daily"], GOOD), title(4, ["comic"], {**GOOD, 9: GOOD[1]}), title(100, ["drama"], BROKEN)]
    )
    resize.main()
    assert computed == ["4"]
    reused = outputs(workspace)
    shutil.rmtree(workspace / paths.EARLIER_RESIZED)
    resize.main()
    assert sorted(computed[1:]) == ["100", "30", "4"]
    assert outputs(workspace) == reused


@pytest.mark.parametrize(
    "change",
    [
        lambda set_params: set_params({"resize.interpolation": "area"}),
        lambda set_params: (paths.EARLIER_RESIZED / "4.npy").write_bytes(b""),
        lambda set_params: (paths.EARLIER_RESIZED / "4.npy").unlink(),
        lambda set_params: shutil.rmtree(paths.EARLIER_RESIZED),
    ],
    ids=["a param", "an edited array", "a lost array", "no folder"],
)
def test_what_does_not_fit_the_earlier_run_is_computed(computed, workspace, set_params, change):
    resize.main()
    computed.clear()
    shutil.rmtree(workspace / "data/resized")  # as DVC does before a run
    change(set_params)
    resize.main()
    assert "4" in computed
    assert contents(workspace / "data/resized")["4.npy"]


def test_a_title_that_is_gone_leaves_nothing_to_reuse(computed, raw, workspace):
    resize.main()
    (raw / "thumbnails/30.parquet").unlink()
    resize.main()
    assert {path.name for path in (workspace / paths.EARLIER_RESIZED).iterdir()} == {"4.npy", "entries.json"}


def test_a_run_without_rejects_writes_an_empty_table(workspace):
    write_raw(workspace / "data/raw", [title(1, ["daily"], GOOD)])
    resize.main()
    assert read_table(workspace / "data/resized/rejected.parquet", REJECTED).empty


def test_libjpeg_s_warnings_are_discarded_and_the_log_is_not(capfd):
    stderr, log = sys.stderr, logging.getLogger("test")
    handler = logging.StreamHandler(sys.stderr)
    logging.getLogger().addHandler(handler)
    try:
        with silent_decoders():
            assert decode_rgb(NOISY, "", 10**6).shape == (30, 51, 3)
            log.warning("logged")
    finally:
        logging.getLogger().removeHandler(handler)
    assert sys.stderr is stderr
    assert capfd.readouterr().err == "logged\n"
    decode_rgb(NOISY, "", 10**6)
    assert capfd.readouterr().err.startswith("Corrupt JPEG data")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "data/raw/thumbnails holds no <title_id>.parquet; `dvc repro crawl` makes them"),
        (
            {"covers.parquet": b""},
            "data/raw/thumbnails holds covers.parquet, which is no <title_id>.parquet; remove it",
        ),
    ],
)
def test_invalid_input_is_one_line_of_error_and_the_old_output_stays(workspace, files, message):
    (workspace / "data/raw/thumbnails").mkdir(parents=True)
    for name, data in files.items():
        (workspace / "data/raw/thumbnails" / name).write_bytes(data)
    assert error_message(workspace) == message


def test_without_a_usable_image_one_line_counts_the_reasons_and_the_old_output_stays(workspace):
    write_raw(workspace / "data/raw", [title(1, ["daily"], {1: BROKEN[1], 2: BROKEN[2]})])
    assert error_message(workspace) == "data/raw/thumbnails holds no usable image; reasons: truncated 1, undecodable 1"


def error_message(workspace: Path) -> str:
    """Return the stage's error message; its old output must stay."""
    (workspace / "data/resized").mkdir()
    (workspace / "data/resized/old.npy").write_bytes(b"old")
    with pytest.raises(InputError) as caught:
        resize.main()
    assert [path.name for path in (workspace / "data").iterdir() if path.name != "raw"] == ["resized"]
    assert contents(workspace / "data/resized") == {"old.npy": b"old"}
    return str(caught.value)


def test_an_unknown_interpolation_is_one_line_of_error_with_exit_code_1(raw, set_params, run_stage):
    set_params({"resize.interpolation": "bicubic"})
    result = run_stage("resize")
    assert (result.returncode, result.stderr) == (
        1,
        "resize: params.yaml: resize.interpolation is 'bicubic':"
        " input should be 'nearest', 'linear', 'area', 'cubic' or 'lanczos'\n",
    )
