package main

import (
	"net/http"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/daemongate/daemongate/manifests/clustertest"
	"github.com/daemongate/daemongate/rollout/plan"
)

// comesToSay plans until the answer has some texts: the API server learns of a new rule of admission a little later.
func (p *planned) comesToSay(code int, wants ...string) {
	p.t.Helper()
	clustertest.Until(p.t, time.Minute, strings.Join(wants, "; "), func() (string, bool) {
		r := p.plan(p.kubeconfig, "")
		flat := strings.Join(strings.Fields(r.stdout), " ")
		for _, want := range wants {
			if !strings.Contains(flat, want) {
				return r.stdout + r.stderr, false
			}
		}
		return r.stdout + r.stderr, r.code == code
	})
}

// admitted: the pod that is weighed is the one that admission makes, and whoever would refuse it is named. Where
// admission cannot be asked the template is weighed, and that is said.
func (p *planned) admitted() {
	p.t.Helper()
	p.fillsIn()
	p.ask("1200m")
	p.byLimitRange()
	p.byQuota()
	p.byWebhook()
}

// byLimitRange: the defaults of a LimitRange count, and its bounds refuse.
func (p *planned) byLimitRange() {
	p.t.Helper()
	ranges := p.kube.CoreV1().LimitRanges("planned")
	memory := func(quantity string) corev1.ResourceList {
		return corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(quantity)}
	}
	l, err := ranges.Create(p.t.Context(), &corev1.LimitRange{ObjectMeta: metav1.ObjectMeta{Name: "usual"},
		Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{{Type: corev1.LimitTypeContainer,
			DefaultRequest: memory("40Gi")}}}}, metav1.CreateOptions{})
	check(p.t, err)
	p.comesToSay(3, "will not fit 3 of 3 nodes: 8Gi memory short", "a pod asks for cpu 1200m, memory 40Gi")
	l.Spec.Limits[0].DefaultRequest = nil
	l.Spec.Limits[0].Min = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1300m")}
	_, err = ranges.Update(p.t.Context(), l, metav1.UpdateOptions{})
	check(p.t, err)
	p.comesToSay(3, "will be refused by LimitRange: ", "minimum cpu usage per Container is 1300m")
	check(p.t, ranges.Delete(p.t.Context(), "usual", metav1.DeleteOptions{}))
	p.comesToSay(0, "DaemonSet planned/agent fits all 3 nodes")
}

// byQuota: a rollout is weighed against the quotas that count its pods, although one more pod beside the old ones would
// be refused; one that asks for what the template does not say refuses them all.
func (p *planned) byQuota() {
	p.t.Helper()
	quotas := p.kube.CoreV1().ResourceQuotas("planned")
	limit := func(name string, hard corev1.ResourceList, scopes ...corev1.ResourceQuotaScope) {
		p.t.Helper()
		_, err := quotas.Create(p.t.Context(), &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec: corev1.ResourceQuotaSpec{Hard: hard, Scopes: scopes}}, metav1.CreateOptions{})
		check(p.t, err)
		clustertest.Until(p.t, time.Minute, "quota "+name+" counts", func() (string, bool) {
			q, err := quotas.Get(p.t.Context(), name, metav1.GetOptions{})
			check(p.t, err)
			return q.Status.String(), len(q.Status.Hard) > 0
		})
	}
	limit("ends", corev1.ResourceList{corev1.ResourcePods: resource.MustParse("0")}, corev1.ResourceQuotaScopeTerminating)
	limit("asks", corev1.ResourceList{corev1.ResourceRequestsCPU: resource.MustParse("4")},
		corev1.ResourceQuotaScopeNotBestEffort)
	p.comesToSay(0, "DaemonSet planned/agent fits all 3 nodes", "admission could not be asked beside the pods that are "+
		"there: exceeded quota: asks")
	p.ask("1500m")
	p.says("", 3, "will be refused by ResourceQuota asks: its pods need 1500m more of requests.cpu, and 3 of 4 is used",
		"Raise requests.cpu in ResourceQuota planned/asks to 4500m")
	p.ask("1200m")
	check(p.t, quotas.Delete(p.t.Context(), "asks", metav1.DeleteOptions{}))
	limit("limits", corev1.ResourceList{corev1.ResourceLimitsMemory: resource.MustParse("1Ti")})
	p.comesToSay(3, "will be refused by ResourceQuota limits: failed quota: limits: must specify limits.memory")
	check(p.t, quotas.Delete(p.t.Context(), "limits", metav1.DeleteOptions{}))
	p.comesToSay(0, "DaemonSet planned/agent fits all 3 nodes")
}

// byWebhook: a webhook that refuses the pod refuses the rollout; of one that does not answer nobody knows.
func (p *planned) byWebhook() {
	p.t.Helper()
	server := startWebhook(p.t, p.kube, "planned", "pods", http.HandlerFunc(func(rw http.ResponseWriter,
		r *http.Request) {
		if review := reviewOf(rw, r); review != nil {
			answerReview(rw, review, "images must be signed")
		}
	}))
	p.comesToSay(3, "will be refused by admission webhook policy.example.com:", "images must be signed")
	server.Close()
	p.comesToSay(0, "DaemonSet planned/agent fits all 3 nodes", "admission could not be asked: ",
		"policy.example.com", "the template was weighed")
	check(p.t, p.kube.AdmissionregistrationV1().ValidatingWebhookConfigurations().Delete(p.t.Context(), "planned",
		metav1.DeleteOptions{}))
	p.comesToSay(0, "DaemonSet planned/agent fits all 3 nodes")
}

// everything is a template with each kind of field of which the API server fills something in.
const everything = `
serviceAccount: agent
hostNetwork: true
initContainers:
- {name: first, image: "registry.local:5000/first", restartPolicy: Always}
- {name: second, image: "registry.local/second@sha256:0123456789012345678901234567890123456789012345678901234567890123"}
containers:
- name: agent
  image: registry.local/agent:latest
  ports: [{containerPort: 9100}, {containerPort: 53, protocol: UDP}]
  resources: {limits: {cpu: 100m, memory: 100Mi}, requests: {cpu: 10m}}
  env: [{name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]
  livenessProbe: {httpGet: {port: 9100}}
  readinessProbe: {tcpSocket: {port: 9100}}
  startupProbe: {grpc: {port: 9101}, periodSeconds: 2}
  lifecycle: {postStart: {httpGet: {port: 9100}}, preStop: {httpGet: {port: 9100, path: /stop, scheme: HTTPS}}}
volumes:
- {name: nothing}
- {name: host, hostPath: {path: /run}}
- {name: secret, secret: {secretName: token}}
- {name: config, configMap: {name: agent, optional: true}}
- {name: down, downwardAPI: {items: [{path: name, fieldRef: {fieldPath: metadata.name}}]}}
- {name: iscsi, iscsi: {targetPortal: "10.0.0.1", iqn: "iqn.2016-04.com.example:storage", lun: 0}}
- {name: rbd, rbd: {monitors: ["10.0.0.1"], image: disk}}
- {name: azure, azureDisk: {diskName: disk, diskURI: "https://example.com/disk"}}
- {name: scale, scaleIO: {gateway: "https://example.com", system: s, secretRef: {name: token}, volumeName: v}}
- {name: image, image: {reference: "registry.local/data:v1"}}
- name: own
  ephemeral: {volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}}
- name: all
  projected:
    sources:
    - {serviceAccountToken: {path: token}}
    - {downwardAPI: {items: [{path: name, fieldRef: {fieldPath: metadata.name}}]}}
`

// fillsIn: what a plan without a cluster fills in of a template is what the API server fills in.
func (p *planned) fillsIn() {
	p.t.Helper()
	d := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "everything"}}
	check(p.t, yaml.Unmarshal([]byte(everything), &d.Spec.Template.Spec))
	d.Spec.Template.Labels = map[string]string{"app": "everything"}
	d.Spec.Selector = &metav1.LabelSelector{MatchLabels: d.Spec.Template.Labels}
	made, err := p.kube.AppsV1().DaemonSets("planned").Create(p.t.Context(), d, metav1.CreateOptions{
		DryRun: []string{metav1.DryRunAll}})
	check(p.t, err)
	plan.FillIn(&d.Spec.Template)
	for _, t := range []*corev1.PodTemplateSpec{&d.Spec.Template, &made.Spec.Template} {
		t.CreationTimestamp = metav1.Time{}
	}
	if !equality.Semantic.DeepEqual(d.Spec.Template, made.Spec.Template) {
		ours, err := yaml.Marshal(d.Spec.Template)
		check(p.t, err)
		theirs, err := yaml.Marshal(made.Spec.Template)
		check(p.t, err)
		p.t.Errorf("filled in:\n%s\nby the API server:\n%s", ours, theirs)
	}
}
