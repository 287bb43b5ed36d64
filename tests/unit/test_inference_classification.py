"""Classes of pictures, against V2 servers that differ."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image

from odh_oci_widgets.inference import (
    Endpoint,
    LabelsInvalid,
    ModelNotReady,
    ModelUnknown,
    NotAClassifier,
    NotAPicture,
    ServerFailed,
    V2Client,
    WrongShape,
    classify,
)
from odh_oci_widgets.inference.classification import as_probabilities
from odh_oci_widgets.inference.preprocessing import open_picture, prepare, seen
from odh_oci_widgets.inference.tensors import TensorSpec
from tests.servers.v2 import V2Server

IMAGENET = TensorSpec("data", "FP32", (1, 3, 224, 224))


def red_or_blue(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Logits from the mean of the red and of the blue channel, NCHW."""
    means = inputs["data"].mean(axis=(2, 3))
    return {"scores": np.stack([means[:, 0], means[:, 2]], axis=1).astype(np.float32)}


@pytest.fixture
def serve() -> Iterator[Callable[..., V2Server]]:
    servers: list[V2Server] = []

    def start(model=red_or_blue, *, batch: int = -1, **options: Any) -> V2Server:
        options.setdefault("inputs", [("data", "FP32", [batch, 3, 224, 224])])
        options.setdefault("outputs", [("scores", "FP32", [batch, 2])])
        servers.append(V2Server(model, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def picture(colour: str, size: tuple[int, int] = (320, 240)) -> Image.Image:
    return Image.new("RGB", size, colour)


def png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def test_every_kind_of_picture_gives_the_same(serve, tmp_path):
    (tmp_path / "red.png").write_bytes(png(picture("red")))
    red = picture("red")
    kinds = [
        tmp_path / "red.png",
        str(tmp_path / "red.png"),
        png(red),
        red,
        np.asarray(red),
        red.convert("RGBA"),
        red.convert("P"),
    ]
    server = serve()
    answers = classify(server.url, "model", kinds, labels=["red", "blue"])
    assert len(answers) == len(kinds)
    assert {answer[0].label for answer in answers} == {"red"}
    assert len({answer[0].probability for answer in answers}) == 1
    assert len(server.requests) == 1, "a model that takes any number gets one batch"


def test_a_photo_taken_with_the_camera_on_its_side_stands_upright(serve, tmp_path):
    upright = Image.new("RGB", (300, 400), "red")
    upright.paste("blue", (0, 200, 300, 400))
    for orientation, turned in ((3, 180), (6, 90), (8, 270)):
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        path = tmp_path / f"{orientation}.jpeg"
        upright.rotate(turned, expand=True).save(path, exif=exif, quality=95)
        shown = open_picture(path)
        assert shown.size == (300, 400)
        assert shown.getpixel((150, 50))[0] > 200, "red is above"
        assert shown.getpixel((150, 350))[2] > 200, "blue is below"


def test_a_model_of_one_picture_gets_them_one_by_one(serve):
    server = serve(batch=1)
    answers = classify(server.url, "model", [picture("red"), picture("blue")], labels=["red", "blue"])
    assert [answer[0].label for answer in answers] == ["red", "blue"]
    assert len(server.requests) == 2


def test_a_model_of_four_pictures_gets_a_full_batch(serve):
    def four(inputs):
        assert len(inputs["data"]) == 4
        return red_or_blue(inputs)

    answers = classify(serve(four, batch=4).url, "model", [picture("red"), picture("blue")])
    assert [answer[0].index for answer in answers] == [0, 1]


def test_one_picture_is_small_on_the_wire_and_json_gives_the_same_numbers(serve):
    raw, text = serve(), serve(binary=False)
    noise = np.random.default_rng(1).integers(0, 255, (300, 400, 3), dtype=np.uint8)
    answers = [classify(server.url, "model", noise) for server in (raw, text)]
    assert answers[0] == answers[1]
    assert len(raw.requests[0][1]) < 700_000
    assert len(text.requests) == 2, "raw first, then JSON"


def test_a_server_that_refused_raw_tensors_is_not_asked_again(serve):
    server = serve(binary=False)
    client = V2Client(Endpoint(server.url), "model")
    for _ in range(2):
        client.infer(np.zeros((1, 3, 224, 224)))
    assert len(server.requests) == 3
    assert client.binary is False


def test_probabilities_stay_and_logits_become_some():
    assert as_probabilities(np.array([0.25, 0.75], np.float32)).tolist() == [0.25, 0.75]
    assert as_probabilities(np.array([1000.0, 1000.0, 0.0])).tolist() == [0.5, 0.5, 0.0]
    assert as_probabilities(np.array([-1.0, 2.0])).sum() == pytest.approx(1)


def test_scores_of_scikit_learn_are_found_beside_the_label(serve):
    def model(inputs):
        count = len(inputs["X"])
        return {
            "label": np.zeros(count, np.int64),
            "probabilities": np.tile(np.float32([0.9, 0.1]), (count, 1)),
        }

    server = serve(
        model,
        inputs=[("X", "FP32", [-1, 64])],
        outputs=[("label", "INT64", [-1]), ("probabilities", "FP32", [-1, 2])],
    )
    digits = np.arange(128, dtype=np.float64).reshape(2, 8, 8) % 17
    assert [row[0].probability for row in classify(server.url, "model", list(digits))] == pytest.approx(
        [0.9] * 2
    )
    assert [
        row[0].probability for row in classify(server.url, "model", digits.reshape(2, 64))
    ] == pytest.approx([0.9] * 2)
    sent = np.frombuffer(server.requests[0][1][-2 * 64 * 4 :], "<f4").reshape(2, 8, 8)
    assert (sent == digits).all(), "floats that fit the input are taken as they are"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("n02051845 pelican\nn01440764 tench, Tinca tinca\n", ["pelican", "tench, Tinca tinca"]),
        ('["a", "b"]', ["a", "b"]),
        ('{"0": ["n01", "a"], "1": ["n02", "b"]}', ["a", "b"]),
        ("background\na\nb\n", ["a", "b"]),
    ],
)
def test_lists_of_labels(serve, tmp_path, text, expected):
    (tmp_path / "labels").write_text(text)
    answer = classify(serve().url, "model", picture("red"), labels=tmp_path / "labels")[0]
    assert [p.label for p in sorted(answer, key=lambda p: p.index)] == expected


def test_rows_of_a_table(serve):
    pandas = pytest.importorskip("pandas")
    server = serve(
        lambda inputs: {"probabilities": inputs["X"][:, :3].astype(np.float32)},
        inputs=[("X", "FP32", [-1, 4])],
        outputs=[("probabilities", "FP32", [-1, 3])],
    )
    rows = [[1, 0, 0, 5], [0, 0, 1, 5]]
    for table in (
        rows,
        np.array(rows),
        np.array(rows, np.uint8),
        pandas.DataFrame(rows),
        pandas.DataFrame(rows) * 1.0,
    ):
        assert [answer[0].index for answer in classify(server.url, "model", table)] == [0, 2]
    for bad in ([[1, 2], [3]], [["a", "b", "c", "d"]], np.zeros((0, 4)), [[1, 2, 3]]):
        with pytest.raises((WrongShape, NotAPicture)):
            classify(server.url, "model", bad)


def test_labels_of_imagenet_without_a_network(serve, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with pytest.raises(LabelsInvalid, match=r"synset.txt cannot be fetched: .*name the file"):
        classify(serve().url, "model", picture("red"), labels="imagenet")


def test_labels_that_do_not_fit(serve, tmp_path):
    url = serve().url
    with pytest.raises(LabelsInvalid, match="7 labels, the model 2 classes"):
        classify(url, "model", picture("red"), labels=list("abcdefg"))
    with pytest.raises(LabelsInvalid, match="cannot be read"):
        classify(url, "model", picture("red"), labels=tmp_path / "none.txt")
    assert classify(url, "model", picture("red"))[0][0].label == "class 0"


def test_imagenet_is_the_recipe_of_the_model_zoo(shared):
    if shared is None:
        pytest.skip("the folder `shared` with the reference picture is not beside the checkout")
    expected = json.loads((shared / "data/mobilenet/expected.json").read_text())["preprocessed"]
    tensor = prepare(open_picture(shared / "data/mobilenet/pelican.jpeg"), IMAGENET)
    assert tensor.shape == (3, 224, 224)
    assert (float(tensor.mean()), float(tensor.std())) == pytest.approx(
        (expected["mean"], expected["std"]), abs=1e-4
    )


def test_axes_and_size_follow_the_input():
    image = picture("red", (31, 57))
    nhwc = prepare(image, TensorSpec("x", "FP32", (-1, 128, 160, 3)))
    nchw = prepare(image, TensorSpec("x", "FP32", (-1, 3, 128, 160)))
    assert nhwc.shape == (128, 160, 3)
    assert np.array_equal(nhwc.transpose(2, 0, 1), nchw)
    assert prepare(image, TensorSpec("x", "FP32", (-1, 3, -1, -1))).shape == (3, 224, 224)
    assert prepare(image, TensorSpec("x", "UINT8", (1, 3, 9, 9)))[:, 0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("shape", [(-1, 64), (-1, 8, 8), (1, 1, 8, 8), (1, 8, 8, 1)])
def test_digits_are_light_ink_on_dark_ground_from_0_to_16(shape):
    ink = np.zeros((64, 64), np.uint8)
    ink[16:48, 24:40] = 255
    spec = TensorSpec("x", "FP32", shape)
    tensor = prepare(Image.fromarray(ink), spec)
    assert tensor.shape == shape[1:]
    assert (tensor.min(), tensor.max()) == (0, 16)
    assert np.array_equal(prepare(Image.fromarray(255 - ink), spec), tensor)
    assert seen(Image.fromarray(ink), spec).size == (8, 8)


def test_a_recipe_of_ones_own(serve):
    def half(image):
        return np.full((3, 224, 224), 0.5) * (np.arange(3) == 2)[:, None, None]

    assert classify(serve().url, "model", picture("red"), preprocessing=half)[0][0].index == 1


def test_an_input_that_is_no_picture(serve):
    server = serve(inputs=[("rows", "FP32", [-1, 7])], outputs=[("scores", "FP32", [-1, 3])])
    with pytest.raises(WrongShape, match=r"rows FP32 \[-1, 7\], which is no picture"):
        classify(server.url, "model", picture("red"))
    with pytest.raises(WrongShape, match="no preprocessing `imagnet`"):
        classify(serve().url, "model", picture("red"), preprocessing="imagnet")


@pytest.mark.parametrize(
    "bad", [b"<html>login</html>", b"", b"\x89PNG\r\n\x1a\n broken", "no-such-file.png", 7, None]
)
def test_what_is_no_picture(serve, bad):
    with pytest.raises(NotAPicture):
        classify(serve().url, "model", bad)


def test_a_truncated_picture(serve):
    noise = np.random.default_rng(1).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    with pytest.raises(NotAPicture):
        classify(serve().url, "model", png(Image.fromarray(noise))[:2000])


@pytest.mark.parametrize("announced", [True, False])
def test_a_model_that_is_no_classifier(serve, announced):
    outputs = [("boxes", "FP32", [-1, 100, 4])] if announced else []
    server = serve(lambda _: {"boxes": np.zeros((1, 100, 4), np.float32)}, outputs=outputs)
    with pytest.raises(NotAClassifier, match=r"boxes \w+ \[.*100, 4\]"):
        classify(server.url, "model", picture("red"))


def test_what_the_server_says_is_passed_on(serve):
    def broken(_):
        raise RuntimeError("out of memory in node Conv_12")

    with pytest.raises(ServerFailed, match="out of memory in node Conv_12"):
        classify(serve(broken).url, "model", picture("red"))
    with pytest.raises(ServerFailed, match="NaN"):
        classify(serve(lambda _: {"s": np.full((1, 2), np.nan, np.float32)}).url, "model", picture("red"))
    with pytest.raises(ModelUnknown, match="requested name is not found"):
        classify(serve().url, "other", picture("red"))


def test_a_model_that_is_still_loading(serve):
    server = serve()
    server.ready = False
    client = V2Client(Endpoint(server.url), "model")
    assert not client.ready()
    with pytest.raises(ModelNotReady, match="model is loading"):
        client.infer(np.zeros((1, 3, 224, 224)))


def test_arrays_that_do_not_fit_are_not_sent(serve):
    server = serve()
    client = V2Client(Endpoint(server.url), "model")
    for bad in (
        np.zeros((3, 224, 224)),
        {"wrong": np.zeros((1, 3, 224, 224))},
        np.zeros((1, 3, 224, 225)),
        "text",
    ):
        with pytest.raises(WrongShape):
            client.infer(bad)
    assert server.requests == []
