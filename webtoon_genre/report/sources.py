"""What the pictures of a source are called, whose they are, and on which terms they may be passed on; no files."""

from dataclasses import dataclass

MIT = "https://spdx.org/licenses/MIT.html"


@dataclass(frozen=True)
class Source:
    """The nouns, the owners and the terms of a source's pictures.

    name: as `crawl.source` in params.yaml. subject: what the pictures are. licence: of the pictures, for Croissant, an address or a
    sentence. labelled, owners, consent, terms: sentences; labelled: where the labels come from. free: whether anyone may pass the
    pictures on.
    """

    name: str
    subject: str
    picture: str
    label: str
    licence: str
    labelled: str
    owners: str
    consent: str
    terms: str
    free: bool

    @property
    def pictures(self) -> str:
        """The plural of `picture`."""
        return f"{self.picture}s"

    @property
    def labels(self) -> str:
        """The plural of `label`."""
        return f"{self.label}s"


DEMO = Source(
    name="demo",
    subject="drawn thumbnails of the demo site, an embedded site that imitates a webtoon service",
    picture="thumbnail",
    label="genre",
    licence=MIT,
    labelled="the site chooses a title's genre first and draws in a style that leans on it, so a score above chance is built in.",
    owners="This project's own code draws the thumbnails. No artist's drawing is among them; titles and authors are invented.",
    consent="Nobody's drawing is used, so no consent is needed. What holds for these drawings need not hold for real webtoons.",
    terms="The thumbnails may be passed on under the project's licence (LICENSE, MIT).",
    free=True,
)
NAVER = Source(
    name="naver",
    subject="thumbnails of webtoon episodes on Naver Webtoon",
    picture="thumbnail",
    label="genre",
    licence="All rights reserved by the authors and Naver. The thumbnails may not be passed on; ask the rights holders for permission.",
    labelled="the site gives the genres. They describe the story, not the drawing; no one has labelled the drawings.",
    owners="The thumbnails belong to their authors and to Naver.",
    consent=(
        "No author was asked. None has agreed to the use of the drawings for training, nor to the imitation of a style. A crawl needs "
        "Naver's permission, and obeys robots.txt and the terms of service."
    ),
    terms=(
        "The thumbnails may not be passed on: keep them for the study, push them to no public remote, and ask the rights holders for "
        "permission for anything else."
    ),
    free=False,
)
FOLDER = Source(
    name="folder",
    subject="pictures from a local folder",
    picture="picture",
    label="label",
    licence="The terms are those of the pictures' owner; ask the owner before they are passed on.",
    labelled="the folder or its manifest gives them; only its owner knows what they stand for.",
    owners="The pictures belong to whoever made them; the folder does not say who that is.",
    consent=(
        "The folder does not say whether the artists have agreed. Without their consent the pictures and the model are no means of "
        "imitating a style."
    ),
    terms=(
        "The owner of the folder has not released the pictures (`export.folder_examples: false`): do not pass them on without consent."
    ),
    free=False,
)
RELEASED = "The owner of the folder allows small examples in the model's folder (`export.folder_examples: true`). For more, ask the owner."
SOURCES = {source.name: source for source in (DEMO, NAVER, FOLDER)}


def source_of(name: str, folder_examples: bool) -> Source:
    """The source that `crawl.source` names; folder_examples: `export.folder_examples`, whether examples of a folder may be passed on."""
    source = SOURCES[name]
    if source is FOLDER and folder_examples:
        return Source(**{**vars(source), "terms": RELEASED})
    return source
