"""workflow/check_outputs.py: links in place of output folders, and pictures inside an output."""

import pytest

from workflow.check_outputs import linked_outputs, pictures_in_output


@pytest.mark.parametrize("name", ["data", "models", "metrics", "plots", "data/raw", "models/best", "metrics/evaluate"])
def test_a_link_in_place_of_an_output_folder_says_what_dvc_offers(workspace, tmp_path_factory, name):
    disk = tmp_path_factory.mktemp("disk")
    (workspace / name).parent.mkdir(exist_ok=True)
    (workspace / name).symlink_to(disk)
    assert list(linked_outputs()) == [
        f"{name} is a link to {disk}, and DVC keeps no output behind a link; make it a folder, and put DVC's "
        "cache on the other disk: `dvc cache dir PATH` and `dvc config cache.type symlink`"
    ]


def test_a_link_to_a_disk_that_is_not_mounted_is_named(workspace):
    (workspace / "data").symlink_to("/nowhere/data")
    assert len(list(linked_outputs())) == 1


def test_files_that_link_to_the_cache_of_dvc_have_no_complaint(workspace):
    (workspace / "data").mkdir()
    (workspace / "object").touch()
    (workspace / "data/labels.parquet").symlink_to("../object")
    (workspace / "data/mean.npz").symlink_to("../removed by dvc gc")
    assert list(linked_outputs()) == []


@pytest.mark.parametrize(
    ("path", "output"),
    [("data/raw", "data/raw"), ("data/raw/mine", "data/raw"), ("models/../data/raw", "data/raw"), ("plots/x", "plots"),
     ("data", "data/raw"), (".", "data/raw")],
)  # fmt: skip
def test_pictures_inside_or_around_an_output_are_refused(workspace, path, output):
    assert list(pictures_in_output(path)) == [
        f"crawl.folder.path is {path!r}, and {output} is an output of the pipeline; move the pictures, such as to data/pictures"
    ]


def test_pictures_in_a_link_to_an_output_are_refused(workspace):
    (workspace / "data/raw").mkdir(parents=True)
    (workspace / "mine").symlink_to("data/raw")
    assert len(list(pictures_in_output("mine"))) == 1


@pytest.mark.parametrize("path", ["data/pictures", "/elsewhere", "~/pictures", "data/rawest"])
def test_pictures_outside_of_outputs_are_accepted(workspace, path):
    assert list(pictures_in_output(path)) == []
