"""Deploying to a project of a Kubernetes API: runtimes, server-side apply, what is refused, and what is left behind."""

from __future__ import annotations

import json

import pytest
import yaml

from odh_oci_widgets import serving
from odh_oci_widgets.cluster import NotAllowed
from odh_oci_widgets.cluster.access import Need, may
from odh_oci_widgets.cluster.resources import (
    INFERENCE_SERVICES,
    SECRETS,
    SERVICE_ACCOUNTS,
    SERVING_RUNTIMES,
    TEMPLATES,
)
from odh_oci_widgets.oci import Credential
from odh_oci_widgets.serving import (
    ImageNotDeployable,
    RuntimeNotFound,
    ServiceExists,
    ServiceNotFound,
    ServiceReadOnly,
    ServiceState,
)

from .cluster import PLATFORM, wait_for

#: Pinned and with everything given, so that no registry is asked; nor is there one of this name anywhere.
IMAGE = "registry.test/me/digits:1@sha256:" + "a" * 64
GIVEN = {"format": "onnx", "memory": "2Gi"}

pytestmark = pytest.mark.needs("kserve")


def names(project, resource):
    return sorted(one["metadata"]["name"] for one in project.list(resource))


class TestDeploy:
    def test_the_runtime_and_the_service_are_made(self, project):
        service = serving.deploy(IMAGE, "digits", project=project, **GIVEN)
        assert service.target == "project"
        assert service.image == "oci://registry.test/me/digits@sha256:" + "a" * 64
        assert project.get(SERVING_RUNTIMES, "digits")["spec"]["containers"]
        made = project.get(INFERENCE_SERVICES, "digits")
        assert made["spec"]["predictor"]["model"]["runtime"] == "digits"
        assert made["metadata"]["annotations"]["security.opendatahub.io/enable-auth"] == "true"
        managers = {entry["manager"] for entry in made["metadata"]["managedFields"]}
        assert "odh-oci-widgets" in managers
        assert service.state is not ServiceState.READY

    @pytest.mark.needs("templates")
    def test_the_platforms_template_is_copied_where_it_may_be_read(self, cluster, project):
        """Platforms differ in who may read their templates: the user gets them, or our own and the reason."""
        shown = serving.preview(IMAGE, "digits", project=project, **GIVEN)
        annotations = shown.objects[0]["metadata"]["annotations"]
        if any(may(project, Need("list", TEMPLATES), namespace=place) for place in PLATFORM):
            offered = {
                one["metadata"]["name"] for place in PLATFORM for one in cluster.find("templates", place)
            }
            assert annotations["opendatahub.io/template-name"] in offered
        else:
            self.assert_our_own(shown)

    def test_who_may_not_read_templates_gets_our_own_runtime_and_the_reason(self, closed_project):
        shown = serving.preview(IMAGE, "digits", project=closed_project, **GIVEN)
        self.assert_our_own(shown)
        given = serving.preview(
            IMAGE, "digits", project=closed_project, runtime_image="example.org/ovms:1", **GIVEN
        )
        assert given.objects[0]["spec"]["containers"][0]["image"] == "example.org/ovms:1"
        assert serving.deploy(IMAGE, "digits", project=closed_project, **GIVEN).image

    def assert_our_own(self, shown):
        assert "our own definition" in shown.notes[0]
        assert "templates cannot be read" in shown.notes[0]
        assert "opendatahub.io/template-name" not in shown.objects[0]["metadata"]["annotations"]

    def test_an_older_gpu_of_a_profile_gets_its_arguments(self, project, old_gpu):
        options = {"project": project, "hardware_profile": old_gpu, "format": "huggingface"}
        service = serving.deploy(IMAGE, "text", memory="8Gi", **options)
        made = service.manifest
        assert made["spec"]["predictor"]["model"]["args"] == ["--dtype=half"]
        assert made["metadata"]["annotations"]["opendatahub.io/hardware-profile-name"] == old_gpu
        shown = serving.preview(IMAGE, "text", memory="8Gi", args=["--dtype=float32"], **options)
        assert shown.objects[1]["spec"]["predictor"]["model"]["args"] == ["--dtype=float32"]

    def test_the_preview_is_what_is_sent(self, project):
        shown = serving.preview(IMAGE, "digits", project=project, **GIVEN)
        documents = list(yaml.safe_load_all(shown.to_yaml()))
        assert [one["metadata"]["namespace"] for one in documents] == [project.namespace] * 2
        assert names(project, INFERENCE_SERVICES) == []
        for one in documents:
            project.apply(one)
        serving.deploy(IMAGE, "digits", project=project, **GIVEN)  # the same again: no conflict

    def test_deploying_again_updates_what_is_ours(self, project):
        serving.deploy(IMAGE, "digits", project=project, **GIVEN)
        serving.deploy(IMAGE, "digits", project=project, **GIVEN | {"memory": "3Gi"}, args=["--nireq=2"])
        model = project.get(INFERENCE_SERVICES, "digits")["spec"]["predictor"]["model"]
        assert model["resources"]["limits"]["memory"] == "3Gi"
        assert model["args"] == ["--nireq=2"]

    def test_an_unknown_runtime_lists_those_there_are(self, project):
        with pytest.raises(RuntimeNotFound) as caught:
            serving.deploy(IMAGE, "digits", project=project, runtime="nosuch", **GIVEN)
        assert "`nosuch`" in caught.value.message
        assert caught.value.hint
        assert names(project, SERVING_RUNTIMES) == []


class TestPullSecrets:
    def test_the_accounts_own_secrets_are_named_too(self, project):
        def own():  # in a new project they come one after the other
            account = project.get(SERVICE_ACCOUNTS, "default")
            return [one["name"] for one in account.get("imagePullSecrets") or ()]

        before = own()
        serving.deploy(
            IMAGE,
            "digits",
            project=project,
            pull_secret=Credential(username="me", password="pass-word-1"),
            **GIVEN,
        )
        predictor = project.get(INFERENCE_SERVICES, "digits")["spec"]["predictor"]
        first, *others = [one["name"] for one in predictor["imagePullSecrets"]]
        assert first == "digits-pull"
        assert set(before) <= set(others) <= set(own())
        secret = project.get(SECRETS, "digits-pull")
        assert secret["type"] == "kubernetes.io/dockerconfigjson"
        assert secret["metadata"]["annotations"]["opendatahub.io/connection-type-protocol"] == "oci"

    def test_the_preview_holds_no_password(self, project):
        shown = serving.preview(
            IMAGE,
            "digits",
            project=project,
            pull_secret=Credential(username="me", password="pass-word-1"),
            **GIVEN,
        )
        assert "pass-word-1" not in shown.to_yaml() + shown.to_python() + repr(shown)
        assert any("digits-pull" in note for note in shown.notes)

    def test_a_secret_that_is_not_there(self, project):
        with pytest.raises(serving.OptionInvalid, match="no Secret `nosuch`"):
            serving.deploy(IMAGE, "digits", project=project, pull_secret="nosuch", **GIVEN)


class TestRefused:
    def test_a_viewer_is_told_the_command_that_helps(self, cluster, as_viewer, viewer, namespace):
        with pytest.raises(NotAllowed) as caught:
            serving.deploy(IMAGE, "digits", project=as_viewer, **GIVEN)
        assert cluster.repair(viewer, namespace) in caught.value.hint
        assert serving.services(target="project", project=as_viewer) == []

    def test_who_may_do_nothing_is_told_so(self, cluster, as_nobody, nobody, namespace):
        for call in (
            lambda: serving.deploy(IMAGE, "digits", project=as_nobody, **GIVEN),
            lambda: serving.services(target="project", project=as_nobody),
        ):
            with pytest.raises(NotAllowed) as caught:
                call()
            assert cluster.repair(nobody, namespace) in caught.value.hint

    def test_somebody_elses_service_is_not_taken_over(self, project):
        other = serving.preview(IMAGE, "digits", project=project, **GIVEN).objects[1]
        del other["metadata"]["labels"]["app.kubernetes.io/managed-by"]
        project.create(other)
        with pytest.raises(ServiceExists, match="made by something else"):
            serving.deploy(IMAGE, "digits", project=project, **GIVEN)
        serving.deploy(IMAGE, "digits", project=project, force=True, **GIVEN)

    def test_a_registry_that_does_not_have_the_image(self, project, registry):
        with pytest.raises(ImageNotDeployable, match="does not exist in its registry"):
            serving.deploy(
                f"{registry.host}/no/such:1", "digits", project=project, insecure=True, format="onnx"
            )


class TestLife:
    def test_list_find_stop_start_redeploy_delete(self, project):
        service = serving.deploy(
            IMAGE, "digits", project=project, pull_secret=Credential("me", "pw"), **GIVEN
        )
        assert [one.name for one in serving.services(target="project", project=project)] == ["digits"]
        assert serving.service("digits", project=project).image == service.image
        service.stop()
        assert service.state is ServiceState.STOPPED
        service.start()
        assert service.state is not ServiceState.STOPPED
        service.redeploy("registry.test/me/digits:2")
        assert service.image == "oci://registry.test/me/digits:2"
        serving.deploy(IMAGE, "digits", project=project, **GIVEN)  # our own earlier change is no conflict
        assert (
            serving.service("digits", project=project).image
            == "oci://registry.test/me/digits@sha256:" + "a" * 64
        )
        service.delete()
        service.delete()
        wait_for(lambda: names(project, INFERENCE_SERVICES) == [])
        assert names(project, SERVING_RUNTIMES) == []
        assert "digits-pull" not in names(project, SECRETS)
        with pytest.raises(ServiceNotFound):
            serving.service("digits", target="project", project=project)

    def test_a_runtime_that_others_use_stays(self, project):
        shown = serving.preview(IMAGE, "shared", project=project, **GIVEN)
        runtime = shown.objects[0]
        runtime["metadata"] = {"name": "shared", "namespace": project.namespace}
        project.create(runtime)
        by_hand = shown.objects[1]
        by_hand["metadata"] = {"name": "shared", "namespace": project.namespace}
        project.create(by_hand)
        serving.service("shared", target="project", project=project).delete()
        assert names(project, SERVING_RUNTIMES) == ["shared"]

    def test_a_private_runtime_that_another_service_names_stays_too(self, project):
        service = serving.deploy(IMAGE, "first", project=project, **GIVEN)
        other = serving.preview(IMAGE, "second", project=project, **GIVEN).objects[1]
        other["spec"]["predictor"]["model"]["runtime"] = "first"
        project.apply(other)
        service.delete()
        assert "first" in names(project, SERVING_RUNTIMES)
        serving.service("second", target="project", project=project).delete()

    @pytest.mark.needs("llm")
    def test_llm_inference_services_are_listed_and_left_alone(self, cluster, project, namespace):
        cluster.put({
            "apiVersion": "serving.kserve.io/v1alpha1", "kind": "LLMInferenceService",
            "metadata": {"name": "granite", "namespace": namespace},
            "spec": {"model": {"uri": "oci://quay.io/me/granite:1", "name": "granite"}},
        })  # fmt: skip
        (found,) = serving.services(target="project", project=project)
        assert (found.name, found.kind, found.image) == (
            "granite",
            "LLMInferenceService",
            "oci://quay.io/me/granite:1",
        )
        assert found.state is not ServiceState.READY
        for act in (found.delete, found.logs, lambda: found.complete("Hello")):
            with pytest.raises(ServiceReadOnly, match="only listed here"):
                act()
        json.dumps(found.to_dict())
        assert cluster.get("llminferenceservices", "granite", namespace)


class TestControllers:
    """With KServe's controllers: what becomes of a service, and how it is told."""

    pytestmark = pytest.mark.usefixtures("controllers")

    def test_a_deployed_service_gets_its_pods_and_loses_them(self, cluster, project, namespace):
        service = serving.deploy(IMAGE, "digits", project=project, **GIVEN)

        def belonging(plural):
            return [
                one
                for one in cluster.find(plural, namespace)
                if one["metadata"]["name"].startswith("digits-predictor")
            ]

        wait_for(lambda: belonging("deployments") and belonging("services"), 60)
        wait_for(lambda: belonging("pods"), 60)  # which may wait for a node that never comes
        assert service.diagnose().sentence
        assert any(one.text == "created" for one in service.timeline())
        service.stop()
        wait_for(
            lambda: not [one for one in belonging("pods") if not one["metadata"].get("deletionTimestamp")], 90
        )
        assert service.state is ServiceState.STOPPED
        service.delete()
        wait_for(lambda: not belonging("deployments") and not belonging("services"), 60)
        wait_for(lambda: service.diagnose().sentence == "There is no service `digits`.", 60)

    def test_a_runtime_that_went_away_is_the_reason_told(self, project):
        shown = serving.preview(IMAGE, "lost", project=project, **GIVEN)
        project.apply(shown.objects[1])
        service = serving.service("lost", target="project", project=project)
        wait_for(lambda: service.state is ServiceState.FAILED, 60)
        assert "runtime" in service.diagnose().sentence
        assert service.diagnose().hint
