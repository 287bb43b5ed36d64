"""What MkDocs does besides its own: pages made from the code, folders in `nav`, links to files of the repository."""

from __future__ import annotations

import logging
import posixpath
import re
import sys
from pathlib import Path, PurePosixPath
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]

from _generate import pages  # noqa: E402 - found by the line above

#: where copies of repository files stand that a page links to
_COPIES = "repository"
#: what a browser would load from another place than these pages
_ELSEWHERE = re.compile(
    r"""<(?:script|img|iframe|link(?![^>]*canonical))\b[^>]*(?:src|href)=["']?(?:https?:)?//[^>]*>"""
)
#: the target of a Markdown link or image, without its title
_LINK = re.compile(r"(?<=\]\()(?P<target>[^\s)#?]+)(?=[\s)#?])")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Let `--quiet` be quiet about the good news only: MkDocs drops warnings with it, so that `--strict` has none to count."""
    log = logging.getLogger("mkdocs")
    if config.strict and log.level > logging.WARNING:
        log.setLevel(logging.WARNING)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made from the code, and put the pages of folders into `nav`."""
    for path, text in pages.generated().items():
        files.append(File.generated(config, path, content=text))
    known = sorted((one.src_uri for one in files.documentation_pages()), key=_index_first)
    config.nav = _expanded(config.nav or [], known)
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links to files of the repository lead to copies of them, so that they work where the pages are read."""

    def copied(found: re.Match[str]) -> str:
        target = found["target"]
        place = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page.file.src_uri), target))
        if ":" in target or place.startswith(("docs/", "../")) or not (ROOT / place).is_file():
            return target  # a page, an address, or a broken link, which MkDocs finds
        # Markdown would be taken for one more page.
        copy = f"{_COPIES}/{place}{'.txt' if place.endswith('.md') else ''}"
        if files.get_file_from_path(copy) is None:
            files.append(File.generated(config, copy, abs_src_path=str(ROOT / place)))
        return posixpath.relpath(copy, posixpath.dirname(page.file.src_uri) or ".")

    return _LINK.sub(copied, markdown)


def _expanded(entries: list[Any], known: list[str]) -> list[Any]:
    """`nav` with the pages of a folder in the place of its pattern `folder/*`; a section without pages is left out."""
    found: list[Any] = []
    for entry in entries:
        if isinstance(entry, str) and entry.endswith("/*"):
            found += [path for path in known if posixpath.dirname(path) == entry[:-2]]
        elif isinstance(entry, dict):
            [(title, value)] = entry.items()
            inside = _expanded(value if isinstance(value, list) else [value], known)
            is_page = isinstance(value, str) and not value.endswith("/*")
            found += [entry] if is_page else [{title: inside}] if inside else []
        else:
            found.append(entry)
    return found


def _index_first(path: str) -> tuple[str, bool, str]:
    place = PurePosixPath(path)
    return str(place.parent), place.name != "index.md", place.name


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:  # noqa: ARG001 - names by which MkDocs gives them
    """Refuse a page that loads something from elsewhere: readers may have no internet."""
    if found := _ELSEWHERE.search(output):
        raise PluginError(f"{page.file.src_uri} loads {found[0]}: pages are read without internet, too")
    return output
