"""Which files share a layer, so that one changed file costs little the next time.

A layer is the unit of reuse: whatever shares it with a changed file is sent again. Large files stand alone.
Small files are grouped by a hash of their path, in groups of bounded size; a group splits in two when it grows
too large. So the grouping depends neither on the order of files nor on the other groups, and a file that grows
moves only its own group.
"""

from __future__ import annotations

import hashlib

from .plan import MAX_MODEL_LAYERS, OWN_LAYER_BYTES, PlanFile, PlanLayer

#: What a group of small files holds at most. A changed file of 10 kB costs this much more at worst, read and sent.
GROUP_BYTES = 32 * 2**10
#: Layers that large files may take, so that small files keep some.
MAX_LARGE_LAYERS = 60


def spread(files: tuple[PlanFile, ...]) -> tuple[PlanLayer, ...]:
    """The layers for these files: large ones first, each in the order of their first path."""
    ordered = sorted(files, key=lambda file: file.path)
    large = _runs([file for file in ordered if file.size >= OWN_LAYER_BYTES])
    small = [file for file in ordered if file.size < OWN_LAYER_BYTES]
    limit = GROUP_BYTES
    while len(groups := _groups(small, limit)) > MAX_MODEL_LAYERS - len(large):
        limit *= 2
    return tuple(PlanLayer(files=tuple(group)) for group in [*large, *groups])


def _runs(files: list[PlanFile]) -> list[list[PlanFile]]:
    """One file a layer, or as few neighbours as needed to keep to the limit (a model in 163 parts: two a layer)."""
    count = -(-len(files) // MAX_LARGE_LAYERS) or 1
    return [files[start : start + count] for start in range(0, len(files), count)]


def _groups(files: list[PlanFile], limit: int) -> list[list[PlanFile]]:
    alone = [[file] for file in files if file.size >= limit]
    shared = [file for file in files if file.size < limit]
    groups = alone + (_split(shared, limit, 0) if shared else [])
    return sorted(groups, key=lambda group: group[0].path)


def _split(files: list[PlanFile], limit: int, bit: int) -> list[list[PlanFile]]:
    if len(files) == 1 or sum(file.size for file in files) <= limit or bit == 256:
        return [files]
    sides: tuple[list[PlanFile], list[PlanFile]] = ([], [])
    for file in files:
        digest = hashlib.sha256(file.path.encode(errors="surrogateescape")).digest()
        sides[digest[bit // 8] >> (bit % 8) & 1].append(file)
    return [group for side in sides if side for group in _split(side, limit, bit + 1)]
