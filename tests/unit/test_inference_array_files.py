"""Arrays from files that people have."""

from __future__ import annotations

import io

import numpy as np
import pytest

from odh_oci_widgets.inference import WrongShape, read_arrays


def saved(save, *arrays, **named) -> bytes:
    file = io.BytesIO()
    save(file, *arrays, **named)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "values"),
    [
        ("a.csv", "height,width\n1,2\n\n3,4.5\n".encode("utf-8-sig"), [[1, 2], [3, 4.5]]),
        ("a.csv", b"1,2\r\n3,4\r\n", [[1, 2], [3, 4]]),
        ("a.json", b"[[1, 2], [3, 4]]", [[1, 2], [3, 4]]),
        ("a.json", b'["one", "two"]', ["one", "two"]),
        ("a.npy", saved(np.save, np.eye(2)), [[1, 0], [0, 1]]),
    ],
)
def test_one_array(name, data, values):
    assert read_arrays(name, data).tolist() == values


@pytest.mark.parametrize(
    ("name", "data"),
    [("a.npz", saved(np.savez, x=np.ones(2), y=np.zeros(1))), ("-", b'{"x": [1, 1], "y": [0]}')],
)
def test_arrays_by_name(name, data):
    assert {name: array.tolist() for name, array in read_arrays(name, data).items()} == {
        "x": [1, 1],
        "y": [0],
    }


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("pickled.npy", saved(np.save, np.array([{"a": 1}], dtype=object))),
        ("cut.npz", saved(np.savez, x=np.ones(100))[:60]),
        ("ragged.csv", b"1,2\n3\n"),
        ("words.csv", b"a,b\nc,d\n"),
        ("empty.csv", b""),
        ("ragged.json", b"[[1, 2], [3]]"),
        ("binary.json", b"\xff\xfe\x00"),
    ],
)
def test_what_is_no_array_is_told_and_nothing_in_it_is_run(name, data):
    with pytest.raises(WrongShape, match=name):
        read_arrays(name, data)
