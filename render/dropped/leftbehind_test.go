package dropped_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/daemongate/daemongate/render"
	"github.com/daemongate/daemongate/render/rendertest"
)

const referring = `
-- base/kustomization.yaml --
resources: [ds.yaml, classes.yaml]
secretGenerator: [{name: token, literals: [a=b]}]
configMapGenerator: [{name: settings, literals: [a=b]}]
-- base/classes.yaml --
apiVersion: node.k8s.io/v1
kind: RuntimeClass
metadata: {name: sandbox}
handler: runsc
---
apiVersion: resource.k8s.io/v1
kind: ResourceClaimTemplate
metadata: {name: gpu}
spec: {spec: {}}
---
apiVersion: resource.k8s.io/v1
kind: ResourceClaim
metadata: {name: gpu}
spec: {}
---
apiVersion: storage.k8s.io/v1
kind: CSIDriver
metadata: {name: disks.example.com}
---
apiVersion: v1
kind: Service
metadata: {name: hub}
spec: {ports: [{port: 80}]}
-- base/ds.yaml --
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent, secret: token}}
    spec:
      runtimeClassName: sandbox
      resourceClaims: [{name: gpu, resourceClaimTemplateName: gpu}]
      containers:
      - name: agent
        image: settings
        resources: {claims: [{name: gpu}]}
        readinessProbe: {grpc: {port: 80, service: hub}}
        envFrom: [{configMapRef: {name: settings}}]
        env:
        - {name: A, valueFrom: {secretKeyRef: {name: token, key: a}}}
        - {name: B, valueFrom: {fileKeyRef: {volumeName: settings, path: a, key: b}}}
        volumeMounts: [{name: settings, mountPath: /a}]
      ephemeralContainers:
      - {name: debug, image: debug, envFrom: [{secretRef: {name: token}}]}
      volumes:
      - {name: settings, configMap: {name: settings}}
      - {name: token, csi: {driver: disks.example.com, nodePublishSecretRef: {name: token}}}
      - {name: share, azureFile: {shareName: token, secretName: token}}
`

// References that kustomize does not let follow a renamed object are told with the object and the field; those that it
// does, and what is only called the same, are not.
func TestReferencesThatDoNotFollowAreSaid(t *testing.T) {
	files := rendertest.Tree(t, referring[1:]+"-- prod/kustomization.yaml --\nnamePrefix: p-\nresources: [../base]\n")
	pod := "spec.template.spec."
	for dir, want := range map[string][]string{
		"base": {pod + "ephemeralContainers[0].envFrom[0].secretRef.name names Secret token", pod +
			"volumes[1].csi.nodePublishSecretRef.name names Secret token", pod +
			"volumes[2].azureFile.secretName names Secret token"},
		"prod": {
			pod + "ephemeralContainers[0].envFrom[0].secretRef.name names Secret token", pod +
				"volumes[1].csi.nodePublishSecretRef.name names Secret token", pod +
				"volumes[2].azureFile.secretName names Secret token",
			pod + "runtimeClassName names RuntimeClass sandbox, which is called p-sandbox now", pod +
				"resourceClaims[0].resourceClaimTemplateName names ResourceClaimTemplate gpu",
			pod + "volumes[1].csi.driver names CSIDriver disks.example.com",
		},
	} {
		got := build(t, files, dir).Dropped
		for _, one := range want {
			if !slices.ContainsFunc(got, func(s string) bool {
				return strings.Contains(s, "DaemonSet ") &&
					strings.Contains(s, one)
			}) {
				t.Errorf("%s: %q is not in %q", dir, one, got)
			}
		}
		for _, one := range got {
			if !strings.Contains(one, "in base/ds.yaml (line 1) ") {
				t.Errorf("no file is named: %s", one)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: %d are told, and %d are true: %q", dir, len(got), len(want), got)
		}
	}
}

// A reference by name to what is still there under that name is none to the object that was renamed.
func TestReferenceToAnotherObjectOfThatNameIsNone(t *testing.T) {
	files := rendertest.Tree(t, referring[1:]+"-- prod/kustomization.yaml --\nresources: [../renamed, classes.yaml]\n-- "+
		"renamed/kustomization.yaml --\nnamePrefix: p-\nresources: [../base]\n-- prod/classes.yaml --\napiVersion: "+
		"node.k8s.io/v1\nkind: RuntimeClass\nmetadata: {name: sandbox}\nhandler: runsc\n")
	for _, one := range build(t, files, "prod").Dropped {
		if strings.Contains(one, "sandbox") {
			t.Error(one)
		}
	}
}

// A file of variables in a volume that the pod does not have, but the set under another name, is told as well.
func TestFileOfVariablesInNoVolume(t *testing.T) {
	files := rendertest.Tree(t, strings.Replace(referring[1:], "volumeName: settings", "volumeName: token", 1)+
		"-- prod/kustomization.yaml --\nnamePrefix: p-\nresources: [../base]\n")
	for _, one := range build(t, files, "prod").Dropped {
		if strings.Contains(one, "fileKeyRef") {
			t.Error(one) // it is a volume of the pod
		}
	}
	files = rendertest.Tree(t, strings.Replace(referring[1:], "volumeName: settings", "volumeName: sandbox", 1)+
		"-- prod/kustomization.yaml --\nnamePrefix: p-\nresources: [../base]\n")
	if got := build(t, files, "prod").Dropped; !slices.ContainsFunc(got,
		func(s string) bool { return strings.Contains(s, "fileKeyRef.volumeName names") }) {
		t.Errorf("%q", got)
	}
}

// What names an object by its namespace, where kustomize does not look, is told when the set is moved.
func TestReferencesByNamespaceThatStayAreSaid(t *testing.T) {
	files := rendertest.Tree(t, `-- a.yaml --
apiVersion: v1
kind: ServiceAccount
metadata: {name: agent, namespace: old}
---
apiVersion: v1
kind: Service
metadata: {name: hub, namespace: old}
spec: {ports: [{port: 80}]}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: cert, namespace: old}
spec: {secretName: s, dnsNames: [hub.old.svc, other.old.svc]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: agent, annotations: {note: old/agent-2}}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects:
- {kind: ServiceAccount, name: agent, namespace: old}
- {kind: ServiceAccount, name: other, namespace: old}
- {kind: User, name: "system:serviceaccount:old:agent", apiGroup: rbac.authorization.k8s.io}
---
apiVersion: flowcontrol.apiserver.k8s.io/v1
kind: FlowSchema
metadata: {name: agents}
spec: {rules: [{subjects: [{kind: ServiceAccount, serviceAccount: {name: agent, namespace: old}}]}]}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: hub, annotations: {cert-manager.io/inject-ca-from: old/cert}}
webhooks: [{name: a.example.com, clientConfig: {service: {name: hub, namespace: old}}}]
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: old}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {serviceAccountName: agent, containers: [{name: agent, image: a, args: ["--hub=http://hub.old.svc.cluster.local:80"]}]}
`)
	result, err := render.Build(context.Background(), files, ".", render.Options{Namespace: "new"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"Certificate new/cert: spec.dnsNames[0] names Service old/hub, which is called new/hub now",
		"ClusterRoleBinding agent: subjects[2].name names ServiceAccount old/agent",
		"DaemonSet new/agent: spec.template.spec.containers[0].args[0] names Service old/hub",
		"FlowSchema new/agents: spec.rules[0].subjects[0].serviceAccount.name names ServiceAccount old/agent",
		"ValidatingWebhookConfiguration hub: metadata.annotations.cert-manager.io/inject-ca-from names Certificate " +
			"old/cert",
	}
	for i, one := range result.Dropped {
		if i == 2 && !strings.Contains(one, "in a.yaml (line 34) ") {
			t.Errorf("no line of the file is named: %s", one)
		}
		if i >= len(want) || !strings.HasPrefix(one, want[i]) {
			t.Errorf("%s", one)
		}
	}
	if len(result.Dropped) != len(want) {
		t.Errorf("%d are told: %q", len(result.Dropped), result.Dropped)
	}
}
