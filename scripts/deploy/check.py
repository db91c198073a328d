"""Checks deploy/kubernetes: every object against the API's schemas, and the objects against each other.

    python3 -m venv .venv-deploy && .venv-deploy/bin/pip install -r scripts/deploy/requirements.txt
    .venv-deploy/bin/python scripts/deploy/check.py [--punica .build/release/punica]

With --punica also each container's arguments, against what the program says of its options.
"""

import argparse
import pathlib
import subprocess
import sys

import kubernetes_validate
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
VERSIONS = ["1.33.0", "1.37.0"]

# Objects of operators, which the API server itself does not define; only what they must have is looked at.
CUSTOM = {
    ("monitoring.coreos.com/v1", "ServiceMonitor"): ["selector", "endpoints"],
    ("cert-manager.io/v1", "Issuer"): [],
    ("cert-manager.io/v1", "Certificate"): ["secretName", "issuerRef"],
}
# What whoever installs Punica brings along, as docs/pools.md says.
GIVEN = {"PersistentVolumeClaim": {"punica-models", "punica-adapters", "punica-tenants"}, "Secret": {"punica-api-keys"}}

# What KubernetesPool asks of the API server: group, resource, verb.
ASKED = [("apps", "statefulsets/scale", "get"), ("apps", "statefulsets/scale", "update"), ("", "pods", "list")]


class Manifests:
    def __init__(self, folder):
        self.problems = []
        self.objects = []
        listed = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
        present = {path.name for path in folder.glob("*.yaml")} - {"kustomization.yaml"}
        if present != set(listed):
            self.problems.append(f"kustomization.yaml lists {sorted(listed)}, but there are {sorted(present)}")
        for name in sorted(present):
            for document in yaml.safe_load_all((folder / name).read_text()):
                self.objects.append((name, document))

    def expect(self, condition, where, message):
        if not condition:
            self.problems.append(f"{where}: {message}")

    def of(self, *kinds):
        return [(where, item) for where, item in self.objects if item["kind"] in kinds]

    def named(self, kind, name):
        return any(item["metadata"]["name"] == name for _, item in self.of(kind))

    def templates(self):
        """File, object and pod of everything that makes pods."""
        return [(where, item, item["spec"]["template"]) for where, item in self.of("Deployment", "StatefulSet")]

    def selected(self, labels):
        return [
            (item, template)
            for _, item, template in self.templates()
            if labels.items() <= template["metadata"]["labels"].items()
        ]

    def check_schemas(self):
        for where, item in self.objects:
            key = (item["apiVersion"], item["kind"])
            if key in CUSTOM:
                for field in CUSTOM[key]:
                    self.expect(field in item["spec"], where, f"{item['kind']} has no spec.{field}")
                continue
            for version in VERSIONS:
                try:
                    kubernetes_validate.validate(item, version, strict=True)
                except kubernetes_validate.ValidationError as error:
                    self.problems.append(f"{where}: {item['kind']} in {version}: {error.path}: {error.message}")

    def check_names(self):
        seen = set()
        for where, item in self.objects:
            name = (item["kind"], item["metadata"]["name"])
            self.expect(name not in seen, where, f"{name} is there twice")
            seen.add(name)
            if item["kind"] != "Namespace":
                self.expect(item["metadata"].get("namespace") == "punica", where, f"{name} is in no namespace")

    def check_selectors(self):
        for where, item, template in self.templates():
            labels = item["spec"]["selector"]["matchLabels"]
            self.expect(labels == template["metadata"]["labels"], where, "the selector is not the pods' labels")
        for where, service in self.of("Service"):
            targets = self.selected(service["spec"]["selector"])
            self.expect(len(targets) == 1, where, f"the service selects {len(targets)} workloads")
            for _, template in targets:
                names = self.port_names(template)
                for port in service["spec"]["ports"]:
                    self.expect(port["targetPort"] in names, where, f"no container has a port {port['targetPort']}")
        for where, budget in self.of("PodDisruptionBudget"):
            targets = self.selected(budget["spec"]["selector"]["matchLabels"])
            self.expect(len(targets) == 1, where, f"the budget selects {len(targets)} workloads")
        for where, monitor in self.of("ServiceMonitor"):
            labels = monitor["spec"]["selector"]["matchLabels"]
            ports = [
                port["name"]
                for _, service in self.of("Service")
                if labels.items() <= service["metadata"].get("labels", {}).items()
                for port in service["spec"]["ports"]
            ]
            for endpoint in monitor["spec"]["endpoints"]:
                self.expect(endpoint["port"] in ports, where, f"no selected service has a port {endpoint['port']}")

    @staticmethod
    def port_names(template):
        return {port["name"] for container in template["spec"]["containers"] for port in container["ports"]}

    def check_policies(self):
        for where, policy in self.of("NetworkPolicy"):
            targets = self.selected(policy["spec"]["podSelector"]["matchLabels"])
            self.expect(targets, where, "the policy selects no pod")
            for rule in policy["spec"].get("ingress", []):
                for peer in rule.get("from", []):
                    labels = peer["podSelector"]["matchLabels"]
                    self.expect(self.selected(labels), where, f"nothing has the labels {labels}")
                for port in rule["ports"]:
                    for _, template in targets:
                        self.expect(port["port"] in self.port_names(template), where, f"no port {port['port']}")

    def check_pods(self):
        for where, item, template in self.templates():
            spec = template["spec"]
            volumes = {volume["name"] for volume in spec["volumes"]}
            volumes |= {claim["metadata"]["name"] for claim in item["spec"].get("volumeClaimTemplates", [])}
            for container in spec["containers"]:
                mounts = {mount["name"] for mount in container["volumeMounts"]}
                self.expect(mounts == volumes, where, f"volumes {sorted(volumes)} are mounted as {sorted(mounts)}")
                paths = [mount["mountPath"] for mount in container["volumeMounts"]]
                self.expect(len(set(paths)) == len(paths), where, "two volumes are mounted at one path")
                for probe in ["readinessProbe", "livenessProbe"]:
                    self.expect(probe in container, where, f"there is no {probe}")
                self.check_probe_ports(where, container)
                self.check_grace(where, spec, container)
            self.check_references(where, item, spec)

    def check_probe_ports(self, where, container):
        names = {port["name"] for port in container["ports"]}
        for probe in ["startupProbe", "readinessProbe", "livenessProbe"]:
            action = container.get(probe, {})
            for kind in ["httpGet", "tcpSocket"]:
                if kind in action:
                    self.expect(action[kind]["port"] in names, where, f"{probe} asks an unknown port")

    def check_grace(self, where, spec, container):
        own = [word.split("=")[1] for word in container["args"] if word.startswith("--grace-period=")]
        if own:
            limit = spec["terminationGracePeriodSeconds"]
            self.expect(int(own[0]) < limit, where, f"killed after {limit} s, before its own {own[0]} s are over")

    def check_references(self, where, item, spec):
        for volume in spec["volumes"]:
            if "persistentVolumeClaim" in volume:
                claim = volume["persistentVolumeClaim"]["claimName"]
                self.expect(claim in GIVEN["PersistentVolumeClaim"], where, f"nobody makes the claim {claim}")
            if "secret" in volume:
                secret = volume["secret"]["secretName"]
                self.expect(secret in GIVEN["Secret"], where, f"nobody makes the secret {secret}")
            if "csi" in volume:
                issuer = volume["csi"]["volumeAttributes"]["csi.cert-manager.io/issuer-name"]
                self.expect(self.named("Issuer", issuer), where, f"there is no issuer {issuer}")
        if "serviceAccountName" in spec:
            self.expect(self.named("ServiceAccount", spec["serviceAccountName"]), where, "unknown service account")
        if item["kind"] == "StatefulSet":
            self.expect(self.named("Service", item["spec"]["serviceName"]), where, "its service is missing")
            self.expect("replicas" not in item["spec"], where, "applying it would undo the scheduler's scaling")
            limits = spec["containers"][0]["resources"]["limits"]
            self.expect(limits.get("nvidia.com/gpu") == 1, where, "a runner has one GPU")

    def check_access(self):
        """The scheduler's role allows what its pool does, on that set, and not a thing more."""
        (_, role), = self.of("Role")
        (where, binding), = self.of("RoleBinding")
        self.expect(binding["roleRef"]["name"] == role["metadata"]["name"], where, "another role is bound")
        allowed = {
            (group, resource, verb)
            for rule in role["rules"]
            for group in rule["apiGroups"]
            for resource in rule["resources"]
            for verb in rule["verbs"]
        }
        self.expect(allowed == set(ASKED), where, f"allowed is {sorted(allowed)}, asked for is {sorted(ASKED)}")
        arguments = [word for _, _, template in self.templates() for word in template["spec"]["containers"][0]["args"]]
        names = {word.split("=")[1] for word in arguments if word.startswith("--kubernetes-stateful-set=")}
        self.expect(len(names) == 1 and self.named("StatefulSet", *names), where, f"the pool's set is {names}")
        for rule in role["rules"]:
            if "statefulsets/scale" in rule["resources"]:
                self.expect(set(rule["resourceNames"]) == names, where, "the role is for another set")

    def check_arguments(self, punica):
        for where, _, template in self.templates():
            command, *words = template["spec"]["containers"][0]["args"]
            result = subprocess.run([punica, command, "--help"], capture_output=True, text=True)
            self.expect(result.returncode == 0, where, f"there is no command {command}")
            known = {word.strip(",") for word in result.stdout.split() if word.startswith("--")}
            for word in words:
                option = word.split("=")[0]
                self.expect(option in known, where, f"punica {command} has no option {option}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--punica", help="an executable whose options the containers' arguments are compared with")
    options = parser.parse_args()
    manifests = Manifests(FOLDER)
    manifests.check_schemas()
    manifests.check_names()
    manifests.check_selectors()
    manifests.check_policies()
    manifests.check_pods()
    manifests.check_access()
    if options.punica:
        manifests.check_arguments(options.punica)
    for problem in manifests.problems:
        print(problem)
    print(f"{len(manifests.objects)} objects, {len(manifests.problems)} problems")
    sys.exit(1 if manifests.problems else 0)


main()
