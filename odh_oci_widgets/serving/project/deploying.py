"""Deploying to the project: read what there is, make the objects, check them all, then apply them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from odh_oci_widgets.cluster.errors import ClusterError, ClusterUnreachable, NoCluster, Refused
from odh_oci_widgets.cluster.hardware import HardwareProfile, read_profile
from odh_oci_widgets.cluster.oci_connections import read_credential, registry_of
from odh_oci_widgets.cluster.project import Manifest, Project, connect
from odh_oci_widgets.cluster.resources import INFERENCE_SERVICES, SECRETS, SERVING_RUNTIMES
from odh_oci_widgets.serving.errors import RuntimeNotFound, ServiceExists
from odh_oci_widgets.serving.kserve_objects import MANAGED_BY, MANAGER, Preview, preview_of
from odh_oci_widgets.serving.proposals import with_proposals
from odh_oci_widgets.serving.runtimes import Runtime, choose, own_runtimes
from odh_oci_widgets.serving.spec import ServiceSpec, spec_of

from .image_facts import read_image
from .pulling import connection_secret, made_pull_secrets, pull_secrets_for
from .runtimes import read_runtimes
from .service import ProjectService

if TYPE_CHECKING:
    from odh_oci_widgets.oci.credentials import Credential


def preview(
    image: str,
    name: str,
    *,
    project: Project | None = None,
    pull_secret: str | Credential | None = None,
    gpu_name: str | None = None,
    insecure: bool = False,
    **options: Any,
) -> Preview:
    """See `serving.preview`."""
    found = read_image(
        spec_of(image, name, **options), credential=_login(project, image, pull_secret), insecure=insecure
    )
    spec, notes = found.spec, list(found.notes)
    try:
        project = project or connect()
        runtimes, unread = read_runtimes(project)
    except (NoCluster, ClusterUnreachable) as error:
        why = f"Our own definition is used, as no cluster can be asked: {error.message}"
        runtime = _chosen(spec, [], why, notes)
        spec = _with_format(spec, runtime, options.get("format"), notes)
        if isinstance(pull_secret, str):
            spec = replace(spec, pull_secrets=(pull_secret,))
        spec, proposed = with_proposals(spec, runtime, facts=found.model, gpu_name=gpu_name)
        return preview_of(spec, runtime, notes=[*notes, *proposed])
    profile = read_profile(project, spec.hardware_profile) if spec.hardware_profile else None
    if profile and profile.accelerators and not spec.gpu:
        accelerator, count = next(iter(profile.accelerators.items()))
        spec = replace(spec, gpu=int(count), accelerator=accelerator)
    runtime = _chosen(spec, runtimes, " ".join(unread), notes)
    spec = _with_format(spec, runtime, options.get("format"), notes)
    spec, proposed = with_proposals(spec, runtime, facts=found.model, gpu_name=gpu_name, profile=profile)
    notes += proposed
    if isinstance(pull_secret, str):
        secrets, connection, said = pull_secrets_for(project, pull_secret)
        spec = replace(spec, pull_secrets=secrets, connection=connection)
        notes += said
    elif pull_secret is not None:
        made = f"{name}-pull"
        spec = replace(spec, pull_secrets=made_pull_secrets(project, made), connection=made)
        notes.append(
            f"The connection `{made}` is made from the credentials given; it is not part of the preview."
        )
    made_preview = preview_of(spec, runtime, namespace=project.namespace, notes=notes)
    if profile:
        _use_profile(made_preview.objects[1], profile, spec)
    return made_preview


def deploy(
    image: str,
    name: str,
    *,
    project: Project | None = None,
    pull_secret: str | Credential | None = None,
    force: bool = False,
    **options: Any,
) -> ProjectService:
    """See `serving.deploy`."""
    spec_of(image, name)  # what no cluster takes is told before there is one
    project = project or connect()
    planned = preview(image, name, project=project, pull_secret=pull_secret, **options)
    _check_owner(project, name, force=force)
    secret = None
    if pull_secret is not None and not isinstance(pull_secret, str):
        secret = connection_secret(name, planned.spec.image, pull_secret)
    objects: list[Manifest] = [*([secret] if secret else []), *planned.objects]
    try:
        _check_all(project, objects, force=force)
    except Refused as refusal:
        tagged, _, digest = planned.spec.image.partition("@")
        if "storageuri" not in refusal.message.lower() or not digest or ":" not in tagged.rpartition("/")[2]:
            raise
        # a KServe that does not take digests: the tag then stands for the image
        model = objects[-1]["spec"]["predictor"]["model"]
        model["storageUri"] = replace(planned.spec, image=tagged).storage_uri
        _check_all(project, objects, force=force)
    _apply_all(project, objects, force=force)
    service = ProjectService(project, name)
    if service.stopped:
        service.start()
    return service


def _login(project: Project | None, image: str, pull_secret: str | Credential | None) -> Credential | None:
    """What opens the image's registry from here: the same as will for the cluster; None: the auth files do."""
    if not isinstance(pull_secret, str):
        return pull_secret
    try:
        return read_credential(project or connect(), pull_secret, registry_of(image.removeprefix("oci://")))
    except ClusterError:
        return None


def _chosen(
    spec: ServiceSpec, runtimes: Sequence[Runtime], unread: str, unread_image: Sequence[str]
) -> Runtime:
    """The best of the runtimes read; our own definition where none fits, with the reason."""
    try:
        return _best(spec, runtimes, unread)
    except RuntimeNotFound as error:
        if spec.format is None and unread_image:  # the image would have told it
            raise RuntimeNotFound(f"{error.message} {unread_image[0]}", hint=error.hint) from error
        raise


def _with_format(spec: ServiceSpec, runtime: Runtime, asked: str | None, notes: list[str]) -> ServiceSpec:
    """The spec with a format that the runtime takes, where nobody asked for one: the image's, else the runtime's first.

    A runtime of the user's own may call the format by a name that we do not know.
    """
    if asked is not None or (spec.format is not None and runtime.format_for(spec.format)):
        return spec
    names = list(dict.fromkeys(name for name, _ in runtime.formats))
    if len(names) > 1:
        said = f"takes no `{spec.format}`" if spec.format else "takes several formats"
        notes.append(
            f"`{runtime.name}` {said}: the service says `{names[0]}`, unless you name the model's format."
        )
    return replace(spec, format=None)


def _best(spec: ServiceSpec, runtimes: Sequence[Runtime], unread: str) -> Runtime:
    wanted: dict[str, Any] = {"model_format": spec.format, "gpu": spec.gpu, "accelerator": spec.accelerator}
    if spec.runtime_image is None:
        try:
            return choose(runtimes, name=spec.runtime, **wanted)
        except RuntimeNotFound:
            if spec.runtime is not None and runtimes:
                raise
            why = unread or "Nothing in the cluster takes this format."
    else:
        why = "The image of the model server was given."
    own = own_runtimes(image=spec.runtime_image, gpu=spec.gpu, why=why)
    stand_in = _like(spec.runtime)
    try:
        chosen = choose(own, name=stand_in, **wanted)
        if stand_in == spec.runtime:
            return chosen
        return replace(
            chosen, why=f"Our own definition of {chosen.display_name} stands for `{spec.runtime}`. {why}"
        )
    except RuntimeNotFound:
        return choose([*runtimes, *own], name=spec.runtime, **wanted)  # for the full list in its message


def _like(runtime: str | None) -> str | None:
    """Which of our own definitions a runtime's name means, where it is one of the platform's (`vllm-runtime`).

    A runtime that was named cannot be looked up where no runtimes can be read.
    """
    if runtime is None:
        return None
    return next((own for own in ("vllm", "ovms") if own in runtime), runtime)


def _use_profile(service: Manifest, profile: HardwareProfile, spec: ServiceSpec) -> None:
    """Name the profile and take its defaults, as the dashboard does; what was asked for explicitly stays."""
    annotations = service["metadata"]["annotations"]
    annotations["opendatahub.io/hardware-profile-name"] = profile.name
    annotations["opendatahub.io/hardware-profile-namespace"] = profile.namespace
    annotations["opendatahub.io/hardware-profile-resource-version"] = profile.resource_version
    predictor = service["spec"]["predictor"]
    asked = {"cpu": spec.cpu, "memory": spec.memory}
    defaults = {key: profile.resources[key] for key in asked if key in profile.resources and not asked[key]}
    for part in predictor["model"]["resources"].values():
        part.update(defaults)
    predictor.pop("tolerations", None)  # the profile brings its own


def _check_owner(project: Project, name: str, *, force: bool) -> None:
    """Raises ServiceExists when a service or runtime of that name is somebody else's."""
    if force:
        return
    for resource in (INFERENCE_SERVICES, SERVING_RUNTIMES):
        found = project.find(resource, name)
        if found is not None and (found["metadata"].get("labels") or {}).get(MANAGED_BY) != MANAGER:
            raise ServiceExists(
                f"The {resource.kind} `{name}` exists already in the project `{project.namespace}`, "
                "made by something else.",
                hint="Choose another name, or take it over with `force=True` (`--force`).",
            )


def _check_all(project: Project, objects: Sequence[Manifest], *, force: bool) -> None:
    """A dry run of each, webhooks included, before anything is made."""
    secret_is_new = any(one["kind"] == "Secret" for one in objects)
    for one in objects:
        project.apply(_without_new_connection(one) if secret_is_new else one, dry_run=True, force=force)


def _without_new_connection(manifest: Manifest) -> Manifest:
    """For the check: a webhook refuses a connection whose Secret is only about to be made."""
    if manifest["kind"] != "InferenceService":
        return manifest
    metadata = manifest["metadata"]
    annotations = {
        key: value for key, value in metadata["annotations"].items() if key != "opendatahub.io/connections"
    }
    return manifest | {"metadata": metadata | {"annotations": annotations}}


def _apply_all(project: Project, objects: Sequence[Manifest], *, force: bool) -> None:
    """Apply in order; when one is refused, take back those that were not there before."""
    resources = {
        "Secret": SECRETS,
        "ServingRuntime": SERVING_RUNTIMES,
        "InferenceService": INFERENCE_SERVICES,
    }
    made: list[tuple[str, str]] = []
    try:
        for one in objects:
            kind, name = one["kind"], one["metadata"]["name"]
            new = project.find(resources[kind], name) is None
            project.apply(one, force=force)
            if new:
                made.append((kind, name))
    except ClusterError:
        for kind, name in reversed(made):
            try:
                project.delete(resources[kind], name)
            except ClusterError:
                continue  # the first error is what the user must hear
        raise
