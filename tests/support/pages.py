"""Parts of the project's Markdown pages."""

import re


def block(text: str, marker: str) -> str:
    """The lines between `<!-- MARKER: ... -->` and `<!-- end -->`."""
    match = re.search(rf"<!-- {marker}: [^\n]*-->\n(.*?)\n<!-- end -->", text, re.DOTALL)
    assert match is not None, f"no block {marker}"
    return match[1]
