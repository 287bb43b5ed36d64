"""Every sentence that `diagnose()` can say: its code, its state, its cause and its cure.

>>> CASES["server-oom"].says
'The model server ran out of memory.'
"""

from __future__ import annotations

from . import admission, answer, container, llm, pod, pulling, sandbox, service
from .case import Case

#: title -> the cases of one kind, in the order of the page
GROUPS: dict[str, tuple[Case, ...]] = {
    title: tuple(value for value in vars(module).values() if isinstance(value, Case))
    for title, module in (
        ("The service", service),
        ("The pod is refused", admission),
        ("The pod and its node", pod),
        ("The image is not pulled", pulling),
        ("A container ends", container),
        ("The model answers, or not", answer),
        ("The sandbox", sandbox),
        ("Services of llm-d", llm),
    )
}
GROUPS["The image is not pulled"] += pulling.PULL_FAILURES
CASES = {case.code: case for group in GROUPS.values() for case in group}

__all__ = ["CASES", "GROUPS", "Case"]
