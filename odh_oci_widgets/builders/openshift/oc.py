"""The same build in a terminal: what "Show code" shows."""

from __future__ import annotations

import shlex

from odh_oci_widgets.builders.containerfile import TOKEN_FILE, containerfile, local_files, secret_files
from odh_oci_widgets.builders.context import CONTAINERFILE
from odh_oci_widgets.oci.plan import Plan
from odh_oci_widgets.oci.reference import Reference

from .manifests import OpenShiftSettings, build_config, image_stream, is_internal, push_secret_name


def oc_commands(
    plan: Plan,
    *,
    name: str = "modelcar",
    namespace: str = "PROJECT",
    settings: OpenShiftSettings | None = None,
) -> str:
    """Shell commands for `oc`, logged in and in the project. Secrets come from the environment or a prompt.

    Raises PlanInvalid for what OpenShift cannot build.
    """
    import yaml

    settings = settings or OpenShiftSettings()
    reference = Reference.parse(plan.image)
    external = not is_internal(reference)
    lines = []
    files = sorted(secret_files(plan, {}))
    if files:
        literals = " ".join(
            f'--from-literal={file}="$HF_TOKEN"' if file == TOKEN_FILE else f"--from-file={file}"
            for file in files
        )
        lines.append(f"oc create secret generic {name} {literals}")
    if external:
        lines.append(
            f"oc create secret generic {push_secret_name(name)} --type=kubernetes.io/dockerconfigjson \\\n"
            '  --from-file=.dockerconfigjson="${REGISTRY_AUTH_FILE:-$HOME/.docker/config.json}"'
        )
    objects = [build_config(plan, name, settings, namespace=namespace, push_secret=external)]
    stream = image_stream(plan, namespace)
    if stream:
        objects.insert(0, stream)
    for one in objects:
        one["metadata"] = {"name": one["metadata"]["name"]}
    text = yaml.dump_all(objects, Dumper=_dumper(), sort_keys=False, allow_unicode=True, width=1000)
    lines.append(f"oc apply -f - <<'YAML'\n{text}YAML")
    local = local_files(plan)
    if local:
        lines.append("mkdir -p context/models")
        lines += [
            f"install -D -m 0444 {shlex.quote(file.source.path or '')} {shlex.quote(f'context/{file.path}')}"
            for file in local
        ]
        text = containerfile(plan, downloader=settings.downloader)
        lines.append(f"cat > context/{CONTAINERFILE} <<'CONTAINERFILE'\n{text}CONTAINERFILE")
        lines.append(f"oc start-build {name} --from-dir=context --follow --wait")
    else:
        lines.append(f"oc start-build {name} --follow --wait")
    return "\n".join(lines) + "\n"


def _dumper() -> type:
    """YAML with texts of several lines as blocks, as people write it."""
    import yaml

    class Dumper(yaml.SafeDumper):
        pass

    def text(dumper: yaml.SafeDumper, data: str) -> yaml.ScalarNode:
        return dumper.represent_scalar("tag:yaml.org,2002:str", data, style="|" if "\n" in data else None)

    Dumper.add_representer(str, text)
    return Dumper
