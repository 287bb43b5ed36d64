"""Deploy, find and list services, wherever they run: the project, or the sandbox of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from odh_oci_widgets import settings

from .errors import OptionInvalid, SandboxUnavailable, ServiceNotFound
from .names import check_name
from .protocol import Service

if TYPE_CHECKING:
    from collections.abc import Sequence

    from odh_oci_widgets.cluster import Project
    from odh_oci_widgets.oci.credentials import Credential, Credentials

    from .kserve_objects import Preview


def deploy(
    image: str,
    name: str,
    *,
    target: str | None = "project",
    format: str | None = None,  # noqa: A002 - the word for it
    runtime: str | None = None,
    runtime_image: str | None = None,
    args: Sequence[str] = (),
    gpu: int = 0,
    gpu_name: str | None = None,
    cpu: str | None = None,
    memory: str | None = None,
    pull_secret: str | Credential | None = None,
    external: bool = False,
    token_auth: bool = True,
    display_name: str | None = None,
    hardware_profile: str | None = None,
    replicas: int = 1,
    force: bool = False,
    project: Project | None = None,
    insecure: bool = False,
) -> Service:
    """Deploy an image as a service and return at once; `wait()` tells when the model answers.

    Without further options the service is private to the cluster, asks for a token, and has limits that fit the model.

    Args:
        image: `registry/repository:tag[@sha256:…]`; for the sandbox also `oci:PATH`.
        name: lower-case letters, digits and dashes; at most 53.
        target: `project` or `sandbox`; None: the project where a cluster is known, else the sandbox, unless it is
            switched off (`odh_oci_widgets.settings`).
        format: the model's format (`onnx`, `huggingface`, …); default: read from the image.
        runtime: name of a serving runtime or template; default: the best fit to the format.
        runtime_image: image of the model server, where no runtime can be read and our own definition is used.
        args: further arguments of the model server, for example `["--dtype=half"]`.
        gpu: number of GPUs.
        gpu_name: which (`T4`, `NVIDIA-L4`), where no hardware profile says it: vLLM then gets `--dtype=half` and
            `--max-model-len` where the GPU needs them, unless `args` say otherwise.
        cpu: processors (`500m`, `2`); default: by the kind of runtime.
        memory: `4Gi`; default: from the model's size.
        pull_secret: name of a Secret or connection of the project that may pull the image; or a `Credential`, from
            which such a connection is made, and with which the sandbox pulls.
        external: reachable from outside the cluster through a route.
        token_auth: calls need a token whose owner may read the service.
        display_name: the name that the dashboard shows; default: `name`.
        hardware_profile: `name` or `namespace/name` of a hardware profile of the cluster.
        replicas: number of pods.
        force: take over fields that something else has set.
        project: default: `cluster.connect()`.
        insecure: the image's registry speaks plain HTTP or has an untrusted certificate.

    Raises:
        OdhOciError: ServiceNameInvalid, OptionInvalid, ImageNotDeployable, RuntimeNotFound, ServiceExists or
            ClusterError.

    >>> from odh_oci_widgets import deploy
    >>> digest = "sha256:" + "a" * 64
    >>> iris = deploy(f"quay.io/me/iris@{digest}", "iris", format="onnx", memory="2Gi")
    >>> iris.name, iris.target
    ('iris', 'project')
    """
    check_name(name)
    image = settings.full_image(image)
    if _checked(target or _default_target(project)) == "sandbox":
        return _sandbox().deploy(  # type: ignore[no-any-return]
            image,
            name,
            format=format,
            args=tuple(args),
            insecure=insecure,
            credentials=_credentials(image, pull_secret),
        )
    from .project import deploying

    return deploying.deploy(
        image,
        name,
        project=project,
        pull_secret=pull_secret,
        hardware_profile=hardware_profile,
        gpu_name=gpu_name,
        insecure=insecure,
        force=force,
        format=format,
        runtime=runtime,
        runtime_image=runtime_image,
        args=args,
        gpu=gpu,
        cpu=cpu,
        memory=memory,
        external=external,
        token_auth=token_auth,
        display_name=display_name,
        replicas=replicas,
    )


def preview(image: str, name: str, **options: Any) -> Preview:
    """What `deploy` with the same options would apply to the project, with notes; works without a cluster too.

    >>> from odh_oci_widgets.serving import preview
    >>> digest = "sha256:" + "a" * 64
    >>> plan = preview(f"quay.io/me/iris@{digest}", "iris", format="onnx", memory="2Gi")
    >>> [one["kind"] for one in plan.objects]
    ['ServingRuntime', 'InferenceService']
    """
    image = settings.full_image(image)
    options.pop("target", None)
    options.pop("force", None)
    from .project import deploying

    return deploying.preview(image, name, **options)


def manifests(image: str, name: str, **options: Any) -> list[dict[str, Any]]:
    """The objects that `deploy` with the same options would apply to the project.

    Without a cluster, our own definitions of the model servers stand in for the platform's.

    >>> from odh_oci_widgets.serving import manifests
    >>> digest = "sha256:" + "a" * 64
    >>> runtime, made = manifests(f"quay.io/me/iris@{digest}", "iris", format="onnx", memory="2Gi")
    >>> made["kind"], made["spec"]["predictor"]["model"]["modelFormat"]["name"]
    ('InferenceService', 'onnx')
    """
    return list(preview(image, name, **options).objects)


def service(name: str, *, target: str | None = None, project: Project | None = None) -> Service:
    """The service of that name; in the sandbox first, then in the project, unless `target` says where.

    Raises ServiceNotFound; ClusterError when `target` is `project` and the cluster cannot be asked.

    >>> from odh_oci_widgets import deploy, service
    >>> digest = "sha256:" + "a" * 64
    >>> iris = deploy(f"quay.io/me/iris@{digest}", "found", format="onnx", memory="2Gi")
    >>> service("found").name
    'found'
    """
    check_name(name)
    if target is not None and _checked(target) == "project":
        from .project import find

        return find(name, project=project)
    if target == "sandbox":
        return _sandbox().find(name)  # type: ignore[no-any-return]
    from odh_oci_widgets.cluster.errors import ClusterError

    try:
        if project is None:
            return _sandbox().find(name)  # type: ignore[no-any-return]
    except (ServiceNotFound, SandboxUnavailable):
        pass
    from .project import find

    try:
        return find(name, project=project)
    except ClusterError as error:
        raise ServiceNotFound(
            f"There is no service `{name}` in the sandbox, and the project cannot be asked.", hint=str(error)
        ) from error


def services(*, target: str | None = None, project: Project | None = None) -> list[Service]:
    """All services: of the sandbox, and of the project where it can be asked; or of one `target` only.

    Raises ClusterError only when `target` is `project` (or a project is given).

    >>> from odh_oci_widgets import deploy, services
    >>> digest = "sha256:" + "a" * 64
    >>> iris = deploy(f"quay.io/me/iris@{digest}", "listed", format="onnx", memory="2Gi")
    >>> "listed" in [one.name for one in services()]
    True
    """
    from odh_oci_widgets.cluster.errors import ClusterError

    if target is not None:
        _checked(target)
    found: list[Service] = []
    if target != "project" and project is None:
        try:
            found += _sandbox().list_services()
        except SandboxUnavailable:
            if target == "sandbox":
                raise
    if target != "sandbox":
        from .project import list_services

        try:
            found += list_services(project=project)
        except ClusterError:
            if target == "project" or project is not None:
                raise
    return found


def _default_target(project: Project | None) -> str:
    from odh_oci_widgets.cluster import connect
    from odh_oci_widgets.cluster.errors import NoCluster

    try:
        if project is None:
            connect()
    except NoCluster:
        if settings.read().sandbox:
            return "sandbox"
        raise
    return "project"


def _checked(target: str) -> str:
    if target not in {"project", "sandbox"}:
        raise OptionInvalid(f"`{target}` is no target.", hint="There are `project` and `sandbox`.")
    return target


def _credentials(image: str, given: str | Credential | None) -> Credentials | None:
    """What the sandbox pulls with: the credential given, else the auth files."""
    from odh_oci_widgets.oci.credentials import Credentials
    from odh_oci_widgets.oci.reference import Reference, parse_image

    reference = parse_image(image)
    if given is None or isinstance(given, str) or not isinstance(reference, Reference):
        return None
    return Credentials({reference.registry: given})


def _sandbox() -> Any:
    from odh_oci_widgets.serving import sandbox

    return sandbox
