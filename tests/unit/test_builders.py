"""Builds in this process: followed by many, recorded for the next kernel, cancelled, failed, interrupted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from odh_oci_widgets import builders, oci
from odh_oci_widgets.builders import (
    BuildConflict,
    BuilderUnknown,
    BuildInterrupted,
    BuildStatus,
    BuildTimeout,
    KernelBuilder,
    ProgressTracker,
    RecordedBuild,
)
from odh_oci_widgets.builders.eventlog import LINES_KEPT, EventLog
from odh_oci_widgets.builders.record import RECORDS_KEPT
from odh_oci_widgets.models import open_model
from odh_oci_widgets.oci.errors import Cancelled, PlanInvalid, ReferenceInvalid, SourceError
from odh_oci_widgets.oci.events import Done, Failed, LayerInfo, LayerProgress, LayerState, Log, Planned
from odh_oci_widgets.oci.remote import Seldom
from tests.servers.hub import Hub


@pytest.fixture
def model(tmp_path: Path) -> str:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(b"\x08\x08" + bytes(1000))
    return str(folder)


@pytest.fixture
def stalled_model(hub: Hub, tmp_path: Path) -> str:
    """A model whose bytes do not come."""
    name = f"builders/{tmp_path.name}"
    hub.add(name, {"model.onnx": b"\x08\x08" + bytes(1000)})
    hub.break_next(f"/{name}/resolve/*", stall=60, times=1000)
    return f"hf://{name}"


def layout(tmp_path: Path) -> str:
    return f"oci:{tmp_path / 'image'}:1"


def wait_until(what: str, condition, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)


# --- the event log ---


def test_what_was_moved_before_a_build_was_found_is_no_rate():
    now = [100.0]
    tracker = ProgressTracker(clock=lambda: now[0])
    tracker.feed(Planned(image="r.example/a:1", layers=(LayerInfo(title="model", size=100),)))
    for sent in range(0, 60, 10):
        tracker.feed(progress(0, sent))
    now[0] += 5
    tracker.feed(progress(0, 60))
    assert (tracker.snapshot().sent, tracker.snapshot().rate, tracker.snapshot().left) == (60, 2.0, 20.0)


def test_a_log_elsewhere_stays_small():
    """Nodes throw the beginning of a large log away."""
    seldom = Seldom()
    told = [event for sent in range(90) for layer in (0, 1) if seldom.wants(event := progress(layer, sent))]
    assert [event.layer for event in told[:2]] == [0, 1]
    assert len(told) < 10  # two, unless this took seconds
    done = LayerProgress(layer=0, sent=100, total=100, state=LayerState.DONE)
    assert seldom.wants(done)
    assert seldom.wants(Log(message="a line"))


def progress(layer: int, sent: int) -> LayerProgress:
    return LayerProgress(layer=layer, sent=sent, total=100, state=LayerState.SENDING)


def test_a_late_reader_gets_all_but_old_progress():
    log = EventLog()
    log.append(Log(message="first"))
    for sent in range(1000):
        log.append(progress(0, sent))
        log.append(progress(1, sent))
    log.close()
    assert list(log.follow()) == [Log(message="first"), progress(0, 999), progress(1, 999)]


def test_readers_at_once_each_get_everything_that_stays():
    log = EventLog()
    seen: list[list[str]] = [[], [], []]

    def read(into: list[str]) -> None:
        into.extend(event.message for event in log.follow())

    threads = [threading.Thread(target=read, args=(into,)) for into in seen]
    for thread in threads[:2]:
        thread.start()
    for number in range(500):
        log.append(Log(message=str(number)))
    threads[2].start()
    log.close()
    for thread in threads:
        thread.join(10)
    assert seen == [[str(number) for number in range(500)]] * 3


def test_the_memory_of_a_long_build_is_bounded():
    log = EventLog()
    log.append(Planned(image="r/a:1", layers=()))
    for number in range(LINES_KEPT + 50):
        log.append(Log(message=str(number)))
    log.close()
    kept = list(log.follow())
    assert isinstance(kept[0], Planned)
    assert [event.message for event in kept[1:]] == [str(number) for number in range(50, LINES_KEPT + 50)]


# --- plans ---


def test_the_plan_says_what_the_model_is_and_holds_no_secret(model: str, tmp_path: Path):
    plan = builders.plan_image(
        model, layout(tmp_path), base="embedded", annotations={"team": "blue"}, token="hf_secret"
    )
    assert plan.annotations["org.odh-oci.model-format"] == "onnx"
    assert plan.annotations["org.odh-oci.model-name"] == "model"
    assert plan.annotations["team"] == "blue"
    assert [file.path for layer in plan.layers for file in layer.files] == ["models/1/model.onnx"]
    assert "hf_secret" not in plan.to_json()


def test_the_layout_in_the_image_can_be_chosen(model: str, tmp_path: Path):
    plan = builders.plan_image(model, layout(tmp_path), versioned=False)
    assert plan.layers[0].files[0].path == "models/model.onnx"


def test_insecure_is_about_one_registry(model: str):
    plan = builders.plan_image(model, "127.0.0.1:5000/a/b:1", base="quay.io/b/c:1", insecure=True)
    assert plan.insecure == ("127.0.0.1:5000",)
    plan = builders.plan_image(model, "oci:x", base="127.0.0.1:5001/c:1", insecure=True)
    assert plan.insecure == ("127.0.0.1:5001",)
    assert builders.plan_image(model, "quay.io/a/b:1").insecure == ()


def test_the_creation_time_is_fixed_or_said(model: str):
    assert builders.plan_image(model, "quay.io/a/b:1").created == "1970-01-01T00:00:00Z"
    said = {"SOURCE_DATE_EPOCH": "86400"}
    assert builders.plan_image(model, "quay.io/a/b:1", environ=said).created == "1970-01-02T00:00:00Z"
    with pytest.raises(PlanInvalid, match="SOURCE_DATE_EPOCH"):
        builders.plan_image(model, "quay.io/a/b:1", environ={"SOURCE_DATE_EPOCH": "yesterday"})


def test_a_bad_reference_is_told_before_the_model_is_looked_at(tmp_path: Path):
    with pytest.raises(ReferenceInvalid):
        builders.plan_image(str(tmp_path / "missing"), "no such:: image")


def test_an_unknown_builder_is_told_with_those_there_are(model: str, tmp_path: Path):
    with pytest.raises(BuilderUnknown, match=r"no builder `magic`\. Available: .*kernel"):
        builders.build(model, layout(tmp_path), builder="magic")


# --- builds ---


def test_a_build_ends_in_an_image_and_tells_how(model: str, tmp_path: Path):
    build = builders.build(model, layout(tmp_path), base="embedded")
    image = build.wait(30)
    assert image == build.image
    assert build.status is BuildStatus.SUCCEEDED
    assert oci.inspect_image(image).annotations["org.odh-oci.model-format"] == "onnx"
    events = list(build.events())
    assert isinstance(events[0], Planned)
    assert isinstance(events[-1], Done)
    assert list(build.events()) == events
    report = build.report()
    assert report["image"] == image
    assert report["status"] == "succeeded"
    assert report["digest"].startswith("sha256:")
    assert report["sent"] + report["reused"] > 0
    assert any("done in" in line for line in build.logs())
    json.dumps(report)


def test_the_next_kernel_finds_a_finished_build(model: str, tmp_path: Path):
    image = builders.build(model, layout(tmp_path), base="embedded").wait(30)
    program = "from odh_oci_widgets import builds; [b] = builds(); print(type(b).__name__, b.status, b.wait(1), b.report()['digest'])"
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert found.stdout.split()[:3] == ["RecordedBuild", "succeeded", image]


def test_a_build_that_fails_says_why_and_leaves_no_image(model: str, tmp_path: Path):
    plan = builders.plan_image(model, layout(tmp_path), base="embedded")
    (Path(model) / "model.onnx").unlink()
    build = builders.start(plan)
    with pytest.raises(SourceError):
        build.wait(30)
    assert build.status is BuildStatus.FAILED
    assert isinstance(list(build.events())[-1], Failed)
    assert build.report()["error"]["error"] == "SourceError"
    assert not (tmp_path / "image" / "index.json").exists()
    recorded = RecordedBuild(build._record)
    assert isinstance(recorded.error, SourceError)
    with pytest.raises(SourceError):
        recorded.wait(1)


def test_a_cancelled_build_is_cancelled(tmp_path: Path, stalled_model: str):
    build = builders.build(stalled_model, layout(tmp_path), base="embedded")
    with pytest.raises(BuildTimeout, match="It goes on"):
        build.wait(0.2)
    assert build.status is BuildStatus.RUNNING
    build.cancel()
    with pytest.raises(Cancelled):
        build.wait(30)
    assert build.status is BuildStatus.CANCELLED


def test_of_two_builds_at_the_same_moment_the_second_is_told(tmp_path: Path, stalled_model: str):
    plan = builders.plan_image(stalled_model, layout(tmp_path), base="embedded")
    gate = threading.Barrier(4)

    def start() -> object:
        gate.wait(20)
        try:
            return KernelBuilder(tmp_path / "records").start(plan)
        except BuildConflict as conflict:
            return conflict

    with ThreadPoolExecutor(4) as pool:
        came = list(pool.map(lambda _: start(), range(4)))
    (running,) = (one for one in came if not isinstance(one, BuildConflict))
    assert {one.build_id for one in came if isinstance(one, BuildConflict)} == {running.id}
    running.cancel()
    with pytest.raises(Cancelled):
        running.wait(30)


def test_another_process_sees_a_running_build_and_can_stop_it(tmp_path: Path, stalled_model: str):
    runner = start_elsewhere(stalled_model, layout(tmp_path))
    try:
        wait_until(
            "the build is listed", lambda: [b.status for b in builders.builds()] == [BuildStatus.RUNNING]
        )
        (build,) = builders.builds()
        assert build.plan.image == layout(tmp_path)
        build.cancel()
        with pytest.raises(Cancelled):
            build.wait(30)
        assert build.status is BuildStatus.CANCELLED
    finally:
        runner.kill()
        runner.wait(10)


def test_a_killed_build_is_interrupted_and_the_next_one_succeeds(
    tmp_path: Path, stalled_model: str, model: str
):
    runner = start_elsewhere(stalled_model, layout(tmp_path))
    wait_until("the build is listed", lambda: [b.status for b in builders.builds()] == [BuildStatus.RUNNING])
    os.kill(runner.pid, signal.SIGKILL)
    runner.wait(10)
    (build,) = builders.builds()
    assert build.status is BuildStatus.INTERRUPTED
    with pytest.raises(BuildInterrupted, match="Build it again"):
        build.wait(5)
    builders.build(model, layout(tmp_path), base="embedded").wait(30)
    assert [b.status for b in builders.builds()] == [BuildStatus.SUCCEEDED, BuildStatus.INTERRUPTED]


def test_records_are_private_few_and_may_be_impossible(model: str, tmp_path: Path):
    folder = tmp_path / "records"
    plan = builders.plan_image(model, layout(tmp_path), base="embedded")
    KernelBuilder(folder).start(plan, secrets={"hf": "hf_secret"}).wait(30)
    files = list(folder.iterdir())
    assert {path.stat().st_mode & 0o077 for path in files} == {0}
    assert not any(b"hf_secret" in path.read_bytes() for path in files)
    for number in range(RECORDS_KEPT + 5):
        (folder / f"20000101T000000-{number:06}.plan.json").write_text("{}")
    KernelBuilder(folder).start(plan).wait(30)
    assert len(list(folder.glob("*.plan.json"))) == RECORDS_KEPT + 1
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    assert KernelBuilder(blocked / "records").start(plan).wait(30)


def test_an_unreadable_record_is_no_build(model: str, tmp_path: Path):
    folder = tmp_path / "records"
    folder.mkdir()
    (folder / "20000101T000000-000000.plan.json").write_text("{}")
    assert KernelBuilder(folder).builds() == []


def test_a_model_given_as_such_is_selected_from(model: str, tmp_path: Path):
    (Path(model) / "notes.txt").write_text("notes")
    plan = builders.plan_image(open_model(model), layout(tmp_path), exclude=["*.txt"])
    assert [file.path for layer in plan.layers for file in layer.files] == ["models/1/model.onnx"]


def start_elsewhere(model: str, image: str) -> subprocess.Popen[bytes]:
    program = "import sys; from odh_oci_widgets import build; build(sys.argv[1], sys.argv[2], base='embedded').wait()"
    return subprocess.Popen(
        [sys.executable, "-c", program, model, image], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
