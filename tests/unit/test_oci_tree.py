"""The file tree of an image, and layers read by their headers only."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odh_oci_widgets.oci.fitness import Level, check_config, check_layout, check_models
from odh_oci_widgets.oci.listing import list_layer
from odh_oci_widgets.oci.tree import Entry, EntryKind, Tree

FILE, FOLDER, LINK, HARD = EntryKind.FILE, EntryKind.FOLDER, EntryKind.LINK, EntryKind.HARD_LINK


class Bytes:
    """A blob in memory that counts what is read of it."""

    def __init__(self, data, *, ranges=True):
        self.data = data
        self.digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        self.size = len(data)
        self.ranges = ranges
        self.was_read = self.requests = 0

    def read(self, start, end):
        self.requests += 1
        self.was_read += end - start
        return self.data[start:end]

    def stream(self):
        return io.BytesIO(self.data)


def a_tar(entries, *, form=tarfile.GNU_FORMAT):
    """`entries`: (name, content) for a file, (name, None) for a folder, (name, "target") for a link."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        for name, content in entries:
            info = tarfile.TarInfo(name)
            info.mode = 0o644
            if content is None:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
            elif isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
            else:
                info.size = len(content)
            tar.addfile(info, io.BytesIO(content) if isinstance(content, bytes) else None)
    return out.getvalue()


def tree_of(*layers):
    tree = Tree()
    for layer in layers:
        tree.add(layer)
    return tree


def f(path, mode=0o444, size=1000, **more):
    return Entry(path, FILE, mode=mode, size=size, **more)


def d(path, mode=0o555, **more):
    return Entry(path, FOLDER, mode=mode, **more)


def link(path, target):
    return Entry(path, LINK, mode=0o777, target=target)


# -- the tree -------------------------------------------------------------------------------------------------


def test_upper_layers_hide_lower_ones():
    tree = tree_of([d("models"), f("models/a", size=1), f("models/b")], [f("models/a", size=2)])
    assert tree.get("models/a").size == 2
    assert tree.names("models") == {"a", "b"}


def test_whiteouts_remove_what_is_below_and_spare_their_own_layer():
    tree = tree_of(
        [f("models/a/x"), f("models/b")], [f("models/a/y"), f("models/.wh.a"), f("models/.wh.gone")]
    )
    assert [entry.path for entry in tree.below("models")] == ["models/a", "models/a/y", "models/b"]


def test_an_opaque_folder_shows_its_own_layer_only():
    tree = tree_of([f("models/old"), f("other/x")], [f("models/new"), f("models/.wh..wh..opq")])
    assert tree.names("models") == {"new"}
    assert tree.names("other") == {"x"}


def test_a_file_replaces_a_folder_and_the_other_way_round():
    assert tree_of([f("models/a/x")], [f("models/a")]).names("models/a") == frozenset()
    assert tree_of([f("models/a")], [d("models/a"), f("models/a/x")]).get("models/a").kind is FOLDER


def test_links_are_followed_inside_the_image():
    tree = tree_of(
        [link("bin", "usr/bin"), link("usr/bin/sh", "/bin/busybox"), f("usr/bin/busybox", mode=0o755)],
        [
            Entry("usr/bin/ls", HARD, target="usr/bin/busybox"),
            link("loop", "loop"),
            link("up", "../../bin/sh"),
        ],
    )
    assert tree.resolve("bin/sh").path == "usr/bin/busybox"
    assert tree.resolve("bin/ls") == f("usr/bin/ls", mode=0o755)
    assert tree.resolve("up").path == "usr/bin/busybox"
    assert tree.resolve("loop") is None
    assert tree.resolve("bin/absent") is None


def test_a_hard_link_is_the_file_and_stays_where_its_first_name_goes():
    hard = Entry("models/a", HARD, mode=0o777, target="./weights/a")
    tree = tree_of([hard, f("weights/a", mode=0o440, size=7)], [f(".wh.weights")])
    assert list(tree.below("models")) == [f("models/a", mode=0o440, size=7)]
    assert tree.get("weights") is None


# -- layers ---------------------------------------------------------------------------------------------------

names = st.lists(
    st.text("abc.ü ", min_size=1, max_size=5).filter(lambda n: n.strip(".") and not n.startswith(".wh.")),
    min_size=1,
    max_size=30,
).map("/".join)
layers = st.dictionaries(names, st.none() | st.binary(max_size=3000), max_size=12).map(
    lambda x: list(x.items())
)


@given(layers, st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]), st.booleans(), st.booleans())
@settings(max_examples=60)
def test_every_layer_is_listed_as_it_was_written(entries, form, compressed, ranges):
    tar = a_tar(entries, form=form)
    listing = list_layer(Bytes(gzip.compress(tar) if compressed else tar, ranges=ranges), limit=2**30)
    assert listing.complete
    assert not listing.damaged, listing.trouble
    assert listing.diff_id == f"sha256:{hashlib.sha256(tar).hexdigest()}"
    assert [(e.path, e.kind, e.size) for e in listing.entries] == [
        (name, FOLDER if content is None else FILE, len(content or b"")) for name, content in entries
    ]


@given(
    st.binary(max_size=2000) | layers.map(a_tar), st.integers(0, 3000), st.binary(max_size=4), st.booleans()
)
@settings(max_examples=60)
def test_damaged_layers_are_listed_or_called_damaged(data, at, damage, compressed):
    broken = data[:at] + damage + data[at + len(damage) :]
    broken = gzip.compress(broken)[: at + 20] if compressed else broken
    list_layer(Bytes(broken), limit=2**20)


@pytest.mark.parametrize("ranges", [True, False])
def test_a_layer_cut_anywhere_is_listed_or_called_damaged(ranges):
    """Compressed, no cut goes unseen; plain, only one that leaves every file whole does."""
    plain = a_tar([("models", None), ("models/a", b"x" * 700), ("models/b", b"y" * 10)])
    packed = gzip.compress(plain, mtime=0)
    for cut in range(2, len(packed)):  # one byte alone is not known to be gzip's
        assert list_layer(Bytes(packed[:cut], ranges=ranges), limit=2**20).damaged, cut
    whole = len(plain.rstrip(b"\0"))
    for cut in range(512, whole, 7):
        listing = list_layer(Bytes(plain[:cut], ranges=ranges), limit=2**20)
        assert listing.damaged or cut % 512 == 0, cut


def test_a_checksum_that_does_not_fit_is_damage():
    packed = bytearray(gzip.compress(a_tar([("models/a", b"x" * 700)]), mtime=0))
    packed[-5] ^= 1
    listing = list_layer(Bytes(bytes(packed)), limit=2**20)
    assert listing.damaged
    assert listing.diff_id is None
    assert [entry.path for entry in listing.entries] == ["models/a"]


def test_weights_are_not_read():
    tar = a_tar([("models/a", bytes(10_000_000)), ("models/b", bytes(10_000_000)), ("models/c.json", b"{}")])
    blob = Bytes(tar)
    listing = list_layer(blob, limit=0)
    assert [entry.path for entry in listing.entries] == ["models/a", "models/b", "models/c.json"]
    assert blob.was_read == listing.bytes_read < 40_000


def test_many_small_files_take_few_requests_and_not_all_bytes():
    tar = a_tar([(f"models/{number}", b"x" * 20_000) for number in range(1000)])
    few, frugal = Bytes(tar), Bytes(tar)
    listing = list_layer(few, limit=2**26)
    assert len(listing.entries) == 1000
    assert few.requests < 40
    assert list_layer(frugal, limit=2**20).entries == listing.entries
    assert frugal.was_read < len(tar) / 2


def test_sizes_from_8_gib_on():
    header = tarfile.TarInfo("models/huge")
    header.size = 20 * 2**30

    class Sparse(Bytes):
        def read(self, start, end):
            self.was_read += end - start
            return self.data[start:end].ljust(end - start, b"\0")

    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        blob = Sparse(header.tobuf(form))
        blob.size = blob.size + header.size + 1024
        listing = list_layer(blob, limit=0)
        assert [(e.path, e.size) for e in listing.entries] == [("models/huge", header.size)]
        assert listing.bytes_read < 40_000


def test_a_compressed_layer_is_read_up_to_the_limit_only():
    noise = hashlib.shake_256(b"seed").digest(3_000_000)
    blob = Bytes(gzip.compress(a_tar([("models/a", noise), ("models/b", b"x")])))
    listing = list_layer(blob, limit=1_000_000)
    assert not listing.complete
    assert [entry.path for entry in listing.entries] == ["models/a"]
    assert listing.bytes_read < 1_100_000


def test_zstd_is_said_not_guessed():
    listing = list_layer(Bytes(b"\x28\xb5\x2f\xfd" + bytes(100)), limit=2**20)
    assert (listing.complete, listing.damaged) == (False, False)
    assert "zstd" in listing.trouble


def test_paths_that_leave_the_image_are_told():
    listing = list_layer(
        Bytes(a_tar([("../../etc/passwd", b"x"), ("./models/a", b"x"), ("/models/b", b"x")])), limit=0
    )
    assert listing.outside == ("../../etc/passwd",)
    assert [entry.path for entry in listing.entries] == ["models/a", "models/b"]


# -- what KServe needs ----------------------------------------------------------------------------------------


def codes(findings, level=None):
    return {finding.code for finding in findings if level is None or finding.level is level}


MODEL = [d("models"), f("models/config.json")]


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        ([], "models-missing"),
        ([d("models")], "models-missing"),
        ([d("models"), d("models/1")], "models-missing"),
        ([link("models", "/weights"), f("weights/a")], "models-not-a-folder"),
        ([d("models"), f("models/a", mode=0o400, uid=1001)], "unreadable"),
        ([d("models", mode=0o750, gid=5), f("models/a")], "unreadable"),
        ([d("models"), d("models/1", mode=0o644), f("models/1/a")], "unreadable"),
        ([d("models"), f("models/a", mode=0o440, gid=7)], "unreadable"),
        ([d("", mode=0o700), d("models"), f("models/a")], "unreadable"),
        ([Entry("models/a", HARD, mode=0o444, target="b"), f("b", mode=0o600)], "unreadable"),
        ([Entry("models/a", HARD, mode=0o444, target="b")], "link-dangling"),
        ([d("models"), link("models/a", "/weights/a"), f("weights/a")], "link-outside"),
        ([d("models"), link("models/a", "/models/b"), f("models/b")], "link-outside"),
        ([d("models"), link("models/a", "../weights/a"), f("weights/a")], "link-outside"),
        ([d("models"), link("models/a", "b")], "link-dangling"),
    ],
)
def test_what_makes_models_unfit(entries, code):
    findings = list(check_models(tree_of(entries), complete=True))
    assert codes(findings, Level.ERROR) == {code}
    assert all(finding.hint for finding in findings if finding.level is Level.ERROR)


@pytest.mark.parametrize(
    "entries",
    [
        MODEL,
        [f("models/config.json")],
        [d("models"), d("models/1"), f("models/1/a.onnx"), link("models/1/b.onnx", "a.onnx")],
        [d("models"), link("models/x", "../models/a"), f("models/a")],
        [d("models"), Entry("models/a", HARD, target="weights/a"), f("weights/a")],
    ],
)
def test_what_is_fit(entries):
    assert codes(check_models(tree_of(entries), complete=True)) == {"models"}


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        ([d("models"), f("models/a", mode=0o440)], "group-only"),
        ([d("models"), f("models/model.onnx", size=0)], "empty-file"),
        ([d("models"), f("models/model.safetensors", size=134)], "lfs-pointer"),
    ],
)
def test_what_to_be_warned_of(entries, code):
    assert codes(check_models(tree_of(entries), complete=True)) == {"models", code}


def test_nothing_seen_is_not_called_missing_where_not_all_was_seen():
    assert codes(check_models(tree_of([]), complete=False)) == {"models-unseen"}


SHELL = [f(f"bin/{name}", mode=0o755) for name in ("sh", "ln", "sleep", "ls")]


@pytest.mark.parametrize(
    ("running", "entries", "expected"),
    [
        ({}, SHELL, set()),
        ({"Entrypoint": []}, SHELL, set()),
        ({"Cmd": ["sh"]}, SHELL, set()),
        ({"Entrypoint": ["/bin/link-model-and-wait"]}, [], set()),
        ({"Entrypoint": ["/bin/sh", "-c"]}, SHELL, {"entrypoint"}),
        ({}, SHELL[1:], {"no-shell"}),
        ({}, [f("bin/sh", mode=0o644), *SHELL[1:]], {"no-shell"}),
        ({"Env": ["PATH=/opt"]}, SHELL, {"no-shell"}),
        ({"Env": ["PATH=/opt:/bin"]}, SHELL, set()),
        ({"Volumes": {"/models": {}}}, SHELL, {"volume"}),
    ],
)
def test_what_the_modelcar_needs_to_run(running, entries, expected):
    assert codes(check_config({"config": running}, tree_of(entries), complete=True)) == expected


@pytest.mark.parametrize(
    ("entries", "runtime", "expected"),
    [
        ([f("models/1/a.onnx")], "kserve-ovms", set()),
        ([f("models/a.onnx")], "kserve-ovms", {"layout"}),
        ([d("models/1"), f("models/a.onnx")], "openvino", {"layout"}),
        ([f("models/config.json")], "vllm-cuda-runtime", set()),
        ([f("models/1/config.json")], "vllm-cuda-runtime", {"layout"}),
    ],
)
def test_the_layout_follows_the_runtime(entries, runtime, expected):
    assert codes(check_layout(tree_of(entries), runtime), Level.ERROR) == expected
