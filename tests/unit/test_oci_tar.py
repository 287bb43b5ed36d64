"""The tar of a layer, read back by Python's tarfile and by GNU tar's rules."""

from __future__ import annotations

import io
import tarfile

from hypothesis import given
from hypothesis import strategies as st

from odh_oci_widgets.oci.plan import PlanFile, PlanLayer, Source
from odh_oci_widgets.oci.tar import LayerTar, header

NAMES = st.text(
    st.characters(blacklist_characters="/\0", blacklist_categories=("Cs",)), min_size=1, max_size=60
).filter(lambda name: name not in {".", ".."})
PATHS = st.lists(NAMES, min_size=1, max_size=8).map(lambda parts: "/".join(["models", *parts]))


@given(PATHS, st.integers(0, 2**62) | st.integers(8**11 - 2, 8**11 + 2))
def test_every_header_says_what_it_was_made_of(path: str, size: int) -> None:
    block = header(path, size, mode=0o444)
    assert len(block) % 512 == 0
    entry = tarfile.TarInfo.frombuf(block[-512:], "utf-8", "surrogateescape")
    assert entry.size == size
    assert (entry.mode, entry.uid, entry.gid, entry.mtime, entry.uname) == (0o444, 1001, 0, 0, "")
    assert b"PaxHeader" not in block


@given(st.lists(st.tuples(PATHS, st.binary(max_size=2000)), min_size=1, max_size=8, unique_by=lambda f: f[0]))
def test_tarfile_reads_every_file_back(files: list[tuple[str, bytes]]) -> None:
    folders = {"/".join(path.split("/")[:end]) for path, _ in files for end in range(1, len(path.split("/")))}
    files = [(path, data) for path, data in files if path not in folders]
    contents = dict(files)
    tar = LayerTar(
        PlanLayer(
            files=tuple(PlanFile(path=path, size=len(data), source=Source(path="x")) for path, data in files)
        )
    )
    whole = b"".join(part.data if part.file is None else contents[part.file.path] for part in tar.parts)
    assert len(whole) == tar.size
    with tarfile.open(fileobj=io.BytesIO(whole), mode="r:", encoding="utf-8") as read:
        entries = {entry.name: entry for entry in read}
        for path, data in files:
            assert entries[path].mode == 0o444
            content = read.extractfile(entries[path])
            assert content is not None
            assert content.read() == data
        for folder in {path.rsplit("/", 1)[0] for path, _ in files}:
            assert entries[folder].isdir()
            assert entries[folder].mode == 0o555


def test_sizes_from_8_gib_on_are_base_256_and_not_pax() -> None:
    small, large = header("models/a", 8**11 - 1, mode=0o444), header("models/a", 8**11, mode=0o444)
    assert small[124:136] == b"77777777777\0"
    assert large[124] == 0x80
    assert large[257:265] == b"ustar  \0"
    assert len(large) == 512
