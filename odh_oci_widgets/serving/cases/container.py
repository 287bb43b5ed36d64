"""What the end of a container means."""

from __future__ import annotations

from .case import failed, starting

PLATFORM_ENDED = failed(
    "platform-container-ended",
    "The container `{container}` of the platform ended with {code}{words}.",
    cause=(
        "A container that the platform adds (a proxy, an agent) fails; the model and its server are not "
        "to blame."
    ),
    cure="Ask an administrator.",
)
IMAGE_OTHER_PROCESSOR = failed(
    "image-other-processor",
    "{named} is made for another processor than the node's.",
    cause=(
        "KServe runs `sh` of the model's image beside the model server, and this `sh` is for another "
        "architecture."
    ),
    cure="Build it for the nodes' architecture (platform `linux/amd64` or `linux/arm64`).",
)
IMAGE_NO_SHELL = failed(
    "image-no-shell",
    "{named} has no shell, which KServe needs to hand over the model.",
    cause=(
        "KServe runs `sh`, `ls`, `ln` and `sleep` in the model's image; it was built on `scratch` or a "
        "distroless base."
    ),
    cure="Build it on a base image with `sh`, `ls`, `ln` and `sleep` (not `scratch`).",
)
IMAGE_UNREADABLE = failed(
    "image-unreadable",
    "{named} does not let everybody read `/models`.",
    cause="The cluster runs containers as an arbitrary user, and the files' modes are for their owner only.",
    cure="Build it with our builders: they make every file readable for any user.",
)
IMAGE_NO_MODEL = failed(
    "image-no-model",
    "{named} has no model: `/models` is missing or empty.",
    cause="The files stand at another path of the image, or it is not the image of a model.",
    cure="Build the image with the model's files under `/models` (for OpenVINO under `/models/1`).",
)
IMAGE_CONTAINER_OOM = failed(
    "image-container-oom",
    "The container `{container}`, which holds the model, ran out of its memory.",
    cause="KServe gives this container a fixed, small limit, and counting many files can need more.",
    cure="Ask an administrator to raise KServe's `memoryModelcar`.",
)
IMAGE_CONTAINER_ENDED = failed(
    "image-container-ended",
    "The container `{container}`, which holds the model, ended with {code}{words}.",
    cause="The commands that KServe runs in the model's image failed for a reason that only the log tells.",
    cure="See its log.",
)
SERVER_OOM = failed(
    "server-oom",
    "The model server ran out of memory.",
    cause="Model, cache and server together are larger than the container's memory limit.",
    cure="Redeploy with more memory.",
)
SERVER_RESTARTS_RACE = starting(
    "server-restarts-race",
    "The model server started before the model was in place, and is started again.",
    cause="KServe links the model into the server's container a moment after both start.",
    cure="One or two restarts at the beginning are normal.",
)
SERVER_RESTARTS_OOM = starting(
    "server-restarts-oom",
    "The model server ran out of memory and is started again.",
    cause="Model, cache and server together are larger than the container's memory limit.",
    cure="Redeploy with more memory if it happens again.",
)
SERVER_RESTARTS = starting(
    "server-restarts",
    "The model server ended with {code} and is started again{words}.",
    cause="The server ended while it started; its last words follow the colon.",
    cure="One or two restarts at the beginning are normal.",
)
MODEL_NEVER_CAME = failed(
    "model-never-came",
    "The model never appeared at `/mnt/models`.",
    cause="The link from the model's container to the server's was not made, restart after restart.",
    cure="See the log of the container `modelcar`; the image may be unreadable for the model server.",
)
SERVER_OTHER_PROCESSOR = failed(
    "server-other-processor",
    "The model server's image is made for another processor than the node's.",
    cause="The ServingRuntime's image does not exist for the architecture of the node.",
    cure="Choose another runtime.",
)
SERVER_KILLED = failed(
    "server-killed",
    "The model server was killed {restarts} times (137): too little memory, or a probe that it failed.",
    cause="The kernel or the kubelet killed it: no room in memory, or a liveness probe that had no answer.",
    cure="Redeploy with more memory; see the events.",
)
CANNOT_LOAD = failed(
    "cannot-load",
    "The model server cannot load the model: {why}.",
    cause="The server ends at each start; its last words, or its exit code, follow the colon.",
    cure="See the log; check that the runtime fits the model's format, and the arguments.",
)
