"""What a pod says of itself: scheduling, pulling, mounting."""

from __future__ import annotations

from .case import failed, pending, starting

PULLING = starting(
    "pulling",
    "The image `{image}` is being pulled{spent}.",
    cause="The node does not have the image's layers yet.",
    cure="A large model takes minutes the first time on a node.",
)
EVICTED = failed(
    "evicted",
    "The node evicted the pod: {message}.",
    cause="The node ran short of memory or disk and ended pods that use more than they asked for.",
    cure="It is made anew where there is room.",
)
POD_ENDED = failed(
    "pod-ended",
    "The pod ended: {reason}.",
    cause="The pod as a whole failed: its node went away, or its deadline passed.",
    cure="See the logs.",
)
NODE_SILENT = failed(
    "node-silent",
    "{node} of the pod does not report any more.",
    cause="The machine is down, overloaded, or cut off from the cluster; what its containers do is not known.",
    cure="The cluster starts the pod on another node after some minutes; ask an administrator when it does not.",
)
QUEUED = pending(
    "queued",
    "The pod waits in a queue for its turn.",
    cause="The project's workloads are queued by Kueue, and the queue's quota is in use.",
    cure="It starts when the queue (Kueue) has room.",
)
SCALING_UP = pending(
    "scaling-up",
    "No node has room; the cluster is adding one.",
    cause="The cluster's autoscaler answered the pod's request.",
    cure="A new node takes some minutes.",
)
NO_ACCELERATOR = failed(
    "no-accelerator",
    "No node has a free accelerator (`{accelerator}`).",
    cause="Every GPU of this kind is in use by other pods, or no node has one.",
    cure="Wait until one is free, ask for fewer GPUs, or ask an administrator which nodes have GPUs.",
)
NO_ROOM = failed(
    "no-room",
    "No node has enough free {lacking}.",
    cause="What the pod requests fits on no node beside what others requested; requests count, not use.",
    cure="Deploy with less, or stop another service.",
)
TAINTED = failed(
    "tainted",
    "All nodes are reserved for others (taints).",
    cause="The nodes with room have taints that the pod does not tolerate; GPU nodes often have one.",
    cure="Choose a hardware profile for these nodes, or ask an administrator.",
)
NO_SUCH_NODE = failed(
    "no-such-node",
    "No node is of the kind that is asked for.",
    cause="The node selector or affinity of the hardware profile matches no node.",
    cure="Choose another hardware profile, or ask an administrator.",
)
UNSCHEDULABLE = failed(
    "unschedulable",
    "No node takes the pod: {message}",
    cause="The scheduler refuses every node, for a reason in its own words.",
    cure="Ask an administrator.",
)
REFERENCE_ABSENT = failed(
    "reference-absent",
    "The {kind} `{name}` that the service needs does not exist.",
    cause="A container takes a variable from a Secret or ConfigMap that was deleted or never made.",
    cure="Make it, or redeploy.",
)
CONTAINER_NOT_STARTED = failed(
    "container-not-started",
    "The container `{container}` cannot start: {message}.",
    cause="The container runtime found no program to run in the image.",
    cure="See the events.",
)
CONTAINER_NOT_MADE = failed(
    "container-not-made",
    "The container `{container}` cannot be made: {message}.",
    cause="The node's container runtime refused the container, for a reason in its own words.",
    cure="See the events.",
)
MOUNT_MISSING = failed(
    "mount-missing",
    "The pod waits for something it mounts: {message}.",
    cause="A volume, Secret or ConfigMap that the pod mounts has not appeared after several tries.",
    cure="See whether the Secret or volume named exists.",
)
MOUNT_WAITED_FOR = starting(
    "mount-waited-for",
    "The pod waits for something it mounts: {message}.",
    cause="The Secret or volume is made at the same time as the pod.",
    cure="It may appear in a moment.",
)
