"""The objects that deploying makes: KServe takes them, the dashboard shows them, and they are safe by default."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import yaml

from odh_oci_widgets.serving.errors import (
    ImageNotDeployable,
    OptionInvalid,
    RuntimeNotFound,
    ServiceNameInvalid,
)
from odh_oci_widgets.serving.kserve_objects import preview_of, to_yaml
from odh_oci_widgets.serving.names import check_name, suggest_name
from odh_oci_widgets.serving.runtimes import Runtime, RuntimeSource, choose, own_runtimes
from odh_oci_widgets.serving.spec import spec_of
from tests import crds

GRANITE = "quay.io/user/granite:1"
DIGEST = "sha256:" + "a" * 64


def previewed(image=GRANITE, name="granite", *, runtimes=None, **options):
    spec = spec_of(image, name, **options)
    found = runtimes if runtimes is not None else own_runtimes(gpu=spec.gpu)
    return preview_of(
        spec, choose(found, model_format=spec.format, gpu=spec.gpu, name=spec.runtime), namespace="alice"
    )


def platform_templates(shared: Path | None) -> list[Runtime]:
    if shared is None:
        pytest.skip("needs ../shared/schemas/odh-servingruntimes beside the checkout")
    found = []
    for path in sorted((shared / "schemas/odh-servingruntimes").glob("*.yaml")):
        template = yaml.safe_load(path.read_text())
        found.append(
            Runtime(
                manifest=template["objects"][0],
                source=RuntimeSource.TEMPLATE,
                template=template["metadata"]["name"],
                template_display_name=template["metadata"]["annotations"].get("openshift.io/display-name"),
            )
        )
    return found


class TestGuidesExamples:
    def test_granite_on_vllm_with_a_gpu(self):
        runtime, service = previewed(format="huggingface", gpu=1, args=["--dtype=half"]).objects
        assert crds.errors(runtime) == []
        assert crds.errors(service) == []
        model = service["spec"]["predictor"]["model"]
        assert model["args"] == ["--dtype=half"]
        assert (
            model["resources"]["limits"]["nvidia.com/gpu"]
            == model["resources"]["requests"]["nvidia.com/gpu"]
            == "1"
        )
        assert model["storageUri"] == "oci://quay.io/user/granite:1"
        assert model["modelFormat"] == {"name": "vLLM"}
        assert model["runtime"] == runtime["metadata"]["name"] == service["metadata"]["name"] == "granite"

    def test_mobilenet_on_openvino_names_its_runtime(self):
        runtime, service = previewed("quay.io/user/mobilenet:1", "mobilenet", format="onnx").objects
        assert crds.errors(runtime) == []
        assert crds.errors(service) == []
        model = service["spec"]["predictor"]["model"]
        # kserve-ovms takes onnx only when it is named: there is no autoSelect for it
        assert model["runtime"] == "mobilenet"
        assert model["modelFormat"] == {"name": "onnx", "version": "1"}
        assert runtime["spec"]["containers"][0]["ports"][0]["containerPort"] == 8888

    @pytest.mark.parametrize(
        ("options", "template"),
        [
            ({"format": "huggingface", "gpu": 1}, "vllm-cuda-runtime-template"),
            ({"format": "huggingface"}, "vllm-cpu-x86-runtime-template"),
            ({"format": "onnx"}, "kserve-ovms"),
            ({"format": "openvino_ir"}, "kserve-ovms"),
            ({"format": "sklearn"}, "mlserver-runtime-template"),
            (
                {"format": "huggingface", "gpu": 1, "runtime": "vllm-rocm-runtime"},
                "vllm-rocm-runtime-template",
            ),
        ],
    )
    def test_the_platforms_template_that_fits_is_copied(self, shared, options, template, monkeypatch):
        monkeypatch.setattr("odh_oci_widgets.serving.runtimes._THIS_ARCHITECTURE", "x86")
        runtimes = platform_templates(shared)
        before = copy.deepcopy([one.manifest for one in runtimes])
        runtime, service = previewed(runtimes=runtimes, **options).objects
        assert runtime["metadata"]["annotations"]["opendatahub.io/template-name"] == template
        assert runtime["metadata"]["annotations"]["opendatahub.io/serving-runtime-scope"] == "global"
        original = next(one.manifest for one in runtimes if one.template == template)
        assert runtime["spec"] == original["spec"]
        assert crds.errors(runtime) == []
        assert crds.errors(service) == []
        assert before == [one.manifest for one in runtimes]

    def test_an_amd_runtime_asks_for_amds_gpu(self, shared):
        _, service = previewed(
            runtimes=platform_templates(shared), format="huggingface", gpu=2, runtime="vllm-rocm-runtime"
        ).objects
        predictor = service["spec"]["predictor"]
        assert predictor["model"]["resources"]["limits"]["amd.com/gpu"] == "2"
        assert predictor["tolerations"][0]["key"] == "amd.com/gpu"

    def test_mlserver_is_told_which_kind_of_model(self, shared):
        _, service = previewed(runtimes=platform_templates(shared), format="xgboost").objects
        assert service["metadata"]["labels"]["modelClass"] == "mlserver_xgboost.XGBoostModel"


class TestSafeByDefault:
    def test_private_token_protected_limited_and_shown_by_the_dashboard(self):
        _, service = previewed(format="onnx").objects
        metadata = service["metadata"]
        assert metadata["annotations"]["security.opendatahub.io/enable-auth"] == "true"
        assert "networking.kserve.io/visibility" not in metadata["labels"]
        assert metadata["labels"]["opendatahub.io/dashboard"] == "true"
        resources = service["spec"]["predictor"]["model"]["resources"]
        for part in ("requests", "limits"):
            assert set(resources[part]) == {"cpu", "memory"}

    def test_memory_follows_the_models_size(self):
        _, service = previewed(format="huggingface", gpu=1, size=20 << 30).objects
        assert service["spec"]["predictor"]["model"]["resources"]["limits"]["memory"] == "24Gi"
        small = previewed(format="onnx", size=14 << 20).objects[1]["spec"]["predictor"]["model"]["resources"]
        assert small == {
            "requests": {"cpu": "250m", "memory": "512Mi"},
            "limits": {"cpu": "2", "memory": "1Gi"},
        }

    def test_given_quantities_are_request_and_limit(self):
        _, service = previewed(format="onnx", cpu="250m", memory="1Gi").objects
        resources = service["spec"]["predictor"]["model"]["resources"]
        assert resources["requests"] == resources["limits"] == {"cpu": "250m", "memory": "1Gi"}

    def test_a_route_gets_time_for_completions_and_a_warning_without_token(self):
        shown = previewed(format="onnx", external=True, token_auth=False)
        metadata = shown.objects[1]["metadata"]
        assert metadata["labels"]["networking.kserve.io/visibility"] == "exposed"
        assert metadata["annotations"]["haproxy.router.openshift.io/timeout"] == "5m"
        assert any("Anyone" in note for note in shown.notes)

    def test_a_digest_pins_and_the_tag_stays_readable(self):
        _, service = previewed(f"localhost:5000/a/b:1@{DIGEST}", format="onnx").objects
        assert service["spec"]["predictor"]["model"]["storageUri"] == f"oci://localhost:5000/a/b@{DIGEST}"
        assert service["metadata"]["annotations"]["odh-oci.org/image"] == f"localhost:5000/a/b:1@{DIGEST}"


class TestRenderings:
    def test_yaml_is_what_is_sent(self):
        shown = previewed(format="onnx")
        assert list(yaml.safe_load_all(shown.to_yaml())) == list(shown.objects)
        assert to_yaml(shown.objects) == shown.to_yaml()
        assert "&id" not in shown.to_yaml()

    def test_python_runs_to_the_same_objects(self):
        shown = previewed(format="onnx", args=["--nireq=2"], cpu="2", memory="3Gi", external=True)
        call = shown.to_python().splitlines()[2].removeprefix("service = ")
        again = eval(
            call, {"deploy": lambda image, name, target, **options: previewed(image, name, **options)}
        )
        assert again.objects == shown.objects

    def test_why_this_runtime_is_said(self):
        assert previewed(format="onnx").notes[0] == "OpenVINO Model Server takes onnx (our own definition)."


class TestRefused:
    @pytest.mark.parametrize("name", ["Granite", "1st", "a_b", "a.b", "-a", "a-", "", "ä", "a" * 54])
    def test_names_kubernetes_refuses_come_with_one_it_takes(self, name):
        with pytest.raises(ServiceNameInvalid) as caught:
            spec_of(GRANITE, name)
        suggestion = caught.value.hint.split("`")[1]
        assert check_name(suggestion) == suggestion

    @pytest.mark.parametrize("text", ["", "///", "123", "ibm/Granite 3.0", "ÄÖ", "a" * 80, "x-" * 40])
    def test_any_text_gives_a_good_name(self, text):
        assert check_name(suggest_name(text))

    @pytest.mark.parametrize("image", ["oci:/tmp/layout", "oci:layout:1", "busybox", "a b/c"])
    def test_images_no_cluster_can_pull(self, image):
        with pytest.raises(ImageNotDeployable):
            spec_of(image, "m")

    @pytest.mark.parametrize(
        "options", [{"cpu": "many"}, {"memory": "4 GB"}, {"gpu": -1}, {"replicas": 0}, {"memory": "4gi"}]
    )
    def test_values_that_cannot_work(self, options):
        with pytest.raises(OptionInvalid):
            spec_of(GRANITE, "m", **options)

    def test_a_format_nobody_takes_lists_what_there_is(self):
        with pytest.raises(RuntimeNotFound) as caught:
            previewed(format="gguf")
        assert "`ovms` (openvino_ir, onnx, tensorflow)" in caught.value.hint

    def test_no_format_and_no_runtime(self):
        with pytest.raises(RuntimeNotFound, match="format is not known"):
            previewed()

    def test_a_runtime_that_does_not_take_the_format(self):
        with pytest.raises(OptionInvalid, match="`ovms` does not take the format `huggingface`"):
            previewed(format="huggingface", runtime="ovms")


def test_the_projects_own_runtime_comes_first_and_another_services_copy_last():
    def runtime(source, name):
        manifest = copy.deepcopy(dict(own_runtimes()[1].manifest))
        manifest["metadata"]["name"] = name
        return Runtime(manifest=manifest, source=source)

    everything = [runtime(source, source.value) for source in reversed(RuntimeSource)]
    chosen = []
    while everything:
        best = choose(everything, model_format="onnx")
        chosen.append(best.source)
        everything = [one for one in everything if one.name != best.name]
    assert chosen == [
        RuntimeSource.PROJECT,
        RuntimeSource.TEMPLATE,
        RuntimeSource.CLUSTER,
        RuntimeSource.COPY,
        RuntimeSource.OWN,
    ]
