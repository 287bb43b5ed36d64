"""The tar of a layer, read back by Python's tarfile and by GNU tar's rules."""

from __future__ import annotations

import io
import subprocess
import tarfile
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from odh_oci_widgets.oci.plan import PlanFile, PlanLayer, Source
from odh_oci_widgets.oci.tar import LayerTar, header
from tests.servers.programs import require

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


def gnu_tar(*arguments: object) -> str:
    command = [require("tar"), *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout.decode()


def a_layer(*sizes: tuple[str, int]) -> LayerTar:
    files = tuple(PlanFile(path=path, size=size, source=Source(path="x")) for path, size in sizes)
    return LayerTar(PlanLayer(files=files))


@given(
    st.lists(
        st.tuples(PATHS, st.sampled_from([0, 1, 512, 8**11 - 1, 8**11, 20 * 2**30]) | st.integers(0, 2**36)),
        min_size=1,
        max_size=4,
        unique_by=lambda file: file[0].split("/")[1],
    )
)
@settings(max_examples=25)
def test_gnu_tar_lists_every_name_and_size(files: list[tuple[str, int]]) -> None:
    """Contents are holes: sizes beyond 8 GiB cost no disk."""
    layer = a_layer(*files)
    with tempfile.NamedTemporaryFile() as file:
        for part in layer.parts:
            if part.file is None:
                file.write(part.data)
            else:
                file.seek(part.size, 1)
        file.flush()
        assert Path(file.name).stat().st_size == layer.size
        options = ("--list", "--verbose", "--numeric-owner", "--seek", "--quoting-style=escape", "--utc")
        listed = gnu_tar(*options, "--file", file.name).splitlines()
        names = gnu_tar("--list", "--seek", "--quoting-style=escape", "--file", file.name).splitlines()
    folders = {
        f"{'/'.join(path.split('/')[:end])}/" for path, _ in files for end in range(1, path.count("/") + 1)
    }
    assert len(names) == len(files) + len(folders)
    for line in listed:
        mode, owner, size, *_ = line.split()
        assert owner == "1001/0"
        assert mode == ("dr-xr-xr-x" if line.startswith("d") else "-r--r--r--")
        assert size == "0" or not line.startswith("d")
    sizes = sorted(int(line.split()[2]) for line in listed if line.startswith("-"))
    assert sizes == sorted(size for _, size in files)


@given(
    st.lists(
        st.tuples(PATHS, st.binary(max_size=2000)),
        min_size=1,
        max_size=5,
        unique_by=lambda f: f[0].split("/")[1],
    )
)
@settings(max_examples=25)
def test_gnu_tar_extracts_every_file(files: list[tuple[str, bytes]]) -> None:
    contents = dict(files)
    layer = a_layer(*((path, len(data)) for path, data in files))
    with tempfile.TemporaryDirectory() as folder:
        archive, out = Path(folder) / "layer.tar", Path(folder) / "out"
        out.mkdir()
        archive.write_bytes(
            b"".join(part.data if part.file is None else contents[part.file.path] for part in layer.parts)
        )
        gnu_tar(
            "--extract",
            "--no-same-owner",
            "--delay-directory-restore",
            "--directory",
            out,
            "--file",
            archive,
        )
        for path, data in files:
            assert (out / path).read_bytes() == data
        subprocess.run(["chmod", "-R", "u+rwX", out], check=True)
