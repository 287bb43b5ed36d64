"""What the access check says, with cause and cure."""

from __future__ import annotations

from .sentence import Sentence

NO_KSERVE = Sentence(
    code="no-kserve",
    says="{who} is logged in, but KServe is not installed in this cluster: models run in the sandbox only.",
    cause="The cluster knows no kind InferenceService.",
    cure='Deploy with `target="sandbox"`, or ask an administrator to install KServe.',
)
NO_PROJECT = Sentence(
    code="no-project",
    says="{who} is logged in, but there is no project `{project}` (or it may not be seen).",
    cause="The project was named by hand, by the kubeconfig's context or by the environment, and is not there.",
    cure='Choose another: `connect("PROJECT")`, `--project`, or `oc project`; or make it: `oc new-project`.',
)
ALL_ALLOWED = Sentence(
    code="all-allowed",
    says="{who} may do everything that is needed in the project `{project}`.",
    cause="Every right that an action of the wizard needs is there. Nothing is wrong.",
)
NOTHING_ALLOWED = Sentence(
    code="nothing-allowed",
    says=(
        "{who} may not do anything in the project `{project}` yet. "
        "Somebody with admin rights there can allow it: `{repair}`"
    ),
    cause="A workbench's service account starts with no rights in its project.",
    cure="Give the command to somebody with admin rights in the project, or run it yourself after `oc login`.",
)
SOMETHING_LACKS = Sentence(
    code="something-lacks",
    says="In the project `{project}`, {who} may not: {lacking}. To allow it: `{repair}`",
    cause="Some rights are there, and those that the named actions need are not all.",
    cure="Give the command to somebody with admin rights in the project; what is allowed already works meanwhile.",
)
ALLOWED = Sentence(
    code="allowed", says="✓ {action}", cause="Every right that the action needs is there. Nothing is wrong."
)
NOT_ALLOWED = Sentence(
    code="not-allowed",
    says="✗ {action} (may not {missing}): {repair}",
    cause="The cluster was asked right by right, and refuses those in the brackets.",
    cure="The command after the colon allows it; somebody with admin rights in the project runs it.",
)

SENTENCES = (NO_KSERVE, NO_PROJECT, NOTHING_ALLOWED, SOMETHING_LACKS, ALL_ALLOWED, NOT_ALLOWED, ALLOWED)
