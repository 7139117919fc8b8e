package judge

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
)

// remedyCase is one failure whose remedy must name what is to be looked at. It stands on the page of verdicts.
type remedyCase struct {
	title string
	// template is what the commit asks for, and show what is seen of the new pod on node-1.
	template func(spec *corev1.PodSpec)
	show     func(f *fleet, p *corev1.Pod)
	code     rollout.Code
	says     []string // in the message or the remedy; not there if it begins with !
}

func (c remedyCase) play(t testing.TB) rollout.Judgement {
	f := newFleet(t, 3).apply(func(d *appsv1.DaemonSet) {
		d.Spec.Template.Spec.Containers[0].Image = "registry.example.com/agent:v2"
		if c.template != nil {
			c.template(&d.Spec.Template.Spec)
		}
	})
	c.show(f, f.replace("node-1"))
	f.judge()
	f.after(5 * time.Minute)
	return f.judge()
}

// remedied has failures stand on the page.
func remedied(cases ...remedyCase) []remedyCase {
	for _, c := range cases {
		plays(c.title, c.play)
	}
	return cases
}

func checkRemedies(t *testing.T, cases []remedyCase) {
	for _, c := range cases {
		t.Run(c.title, func(t *testing.T) {
			j := c.play(t)
			if j.Verdict != rollout.Stuck || j.Causes[0].Code != c.code {
				t.Fatalf("want %s\n%s", c.code, plain(j))
			}
			says(t, j.Causes[0], c.says...)
		})
	}
}

// turnedAway is a pod that its node turns away, twice.
func turnedAway(reason, message string) func(f *fleet, p *corev1.Pod) {
	return func(f *fleet, p *corev1.Pod) {
		for range 2 {
			p.Status.Phase, p.Status.Reason, p.Status.Message = corev1.PodFailed, reason, message
			f.judge()
			p = f.after(time.Second).replace("node-1")
		}
		p.Status.Phase, p.Status.Reason, p.Status.Message = corev1.PodFailed, reason, message
	}
}

var rejectedRemedies = remedied(
	remedyCase{"the agent asks for AppArmor on a node without it", nil,
		turnedAway("AppArmor", "Cannot enforce AppArmor: AppArmor is not enabled on the host"), rollout.Rejected,
		[]string{"AppArmor is not enabled", "appArmorProfile", "!short of"}},
	remedyCase{"the agent asks for a sysctl that the kubelet does not allow", nil,
		turnedAway("SysctlForbidden", `forbidden sysctl: "net.core.somaxconn" not allowlisted`), rollout.Rejected,
		[]string{"securityContext.sysctls", "!short of"}},
	remedyCase{"the agent is turned out for what it writes", nil,
		turnedAway("Evicted", "Pod ephemeral local storage usage exceeds the total limit of containers 1Mi. "),
		rollout.Rejected, []string{"ephemeral-storage", "!short of"}},
	remedyCase{"the node has too little cpu for the kubelet to take the pod", nil,
		turnedAway("OutOfcpu", "Node didn't have enough resource: cpu, requested: 2, used: 1, capacity: 2"),
		rollout.Rejected, []string{"short of cpu", "describe node node-1"}},
	remedyCase{"a device plugin does not give what the agent asks for", nil,
		turnedAway("UnexpectedAdmissionError", "Allocate failed due to no healthy devices present; cannot allocate "+
			"unhealthy devices example.com/gpu, which is unexpected"),
		rollout.Rejected, []string{"device plugin", "!short of"}},
)

// A node that turns a pod away says why: what is not the node's lack is not to be looked for on the node.
func TestRemediesForRejectedPods(t *testing.T) { checkRemedies(t, rejectedRemedies) }

// Why a pod was turned away is still told when it is gone, and another one is on its way.
func TestWhyAPodWasTurnedAwayIsRemembered(t *testing.T) {
	f := newFleet(t, 3).image("v2")
	turnedAway("AppArmor", "Cannot enforce AppArmor")(f, f.replace("node-1"))
	f.want(rollout.Stuck, rollout.Rejected)
	f.replace("node-1")
	says(t, f.want(rollout.Stuck, rollout.Rejected).Causes[0], "AppArmor", "appArmorProfile")
}

// In a dump the Events of the pods that are gone tell why they were turned away.
func TestWhyAPodWasTurnedAwayByItsEvents(t *testing.T) {
	f := newFleet(t, 3).image("v2")
	for range 2 {
		p := f.after(time.Second).replace("node-1")
		f.event(p, "Pod", "AppArmor", "Cannot enforce AppArmor: AppArmor is not enabled on the host")
		f.event(f.ds, "DaemonSet", "FailedDaemonPod", "Found failed daemon pod platform/"+p.Name+
			" on node node-1, will try to kill it")
	}
	f.gone("node-1")
	says(t, f.want(rollout.Stuck, rollout.Rejected).Causes[0], "AppArmor is not enabled on the host", "appArmorProfile")
}

// notMade is a node whose pod the API server refuses to have made.
func notMade(message string) func(f *fleet, p *corev1.Pod) {
	return func(f *fleet, _ *corev1.Pod) {
		f.gone("node-1")
		f.event(f.ds, "DaemonSet", "FailedCreate", "Error creating: "+message)
	}
}

var forbiddenRemedies = remedied(
	remedyCase{"the RuntimeClass does not exist", nil,
		notMade(`pods "agent-" is forbidden: pod rejected: RuntimeClass "kata" not found`), rollout.Forbidden,
		[]string{"Put RuntimeClass kata into Git", "get runtimeclasses"}},
	remedyCase{"the PriorityClass does not exist", nil,
		notMade(`pods "agent-" is forbidden: no PriorityClass with name node-agents was found`), rollout.Forbidden,
		[]string{"Put PriorityClass node-agents into Git"}},
	remedyCase{"an admission webhook refuses the pod", nil,
		notMade(`admission webhook "policy.example.com" denied the request: over the maximum quota of the service account`), rollout.Forbidden,
		[]string{"webhook policy.example.com asks for", "!LimitRange", "!ResourceQuota", "!ServiceAccount"}},
	remedyCase{"an admission webhook does not answer", nil,
		notMade(`Internal error occurred: failed calling webhook "mesh.example.com": Post "https://mesh.mesh.svc:443/inject?timeout=10s": no endpoints available for service "mesh"`),
		rollout.Forbidden, []string{"webhook mesh.example.com does not answer"}},
	remedyCase{"an admission policy refuses the pod", nil,
		notMade(`pods "agent-" is forbidden: ValidatingAdmissionPolicy 'no-host' with binding 'no-host-all' denied request: hostNetwork is not allowed`), rollout.Forbidden,
		[]string{"validatingadmissionpolicy no-host`", "no-host-all"}},
	remedyCase{"the namespace's pod security level refuses the pod", nil,
		notMade(`pods "agent-x" is forbidden: violates PodSecurity "restricted:latest": host namespaces (hostNetwork=true)`), rollout.Forbidden, []string{"pod-security.kubernetes.io/enforce"}},
	remedyCase{"a LimitRange refuses the pod", nil,
		notMade(`pods "agent-x" is forbidden: maximum cpu usage per Container is 500m, but limit is 1`),
		rollout.Forbidden, []string{"describe limitrange"}},
	remedyCase{"the template is not valid for a pod", nil,
		notMade(`Pod "agent-x" is invalid: spec.containers[0].ports[0].hostPort: Invalid value: 99999: must be between 1 and 65535, inclusive`), rollout.Forbidden,
		[]string{"Correct spec.containers[0].ports[0].hostPort of the template"}},
)

// Who refuses to have a pod made is told by how the refusal begins, not by a word somewhere in it.
func TestRemediesForRefusedPods(t *testing.T) { checkRemedies(t, forbiddenRemedies) }

// Without the nodes nobody sees which of them has no pod; the controller's own count tells that some have none, so the
// refusal is the cause, before and after the deadline.
func TestARefusalExplainsItselfWithoutNodes(t *testing.T) {
	f := newFleet(t, 3).image("v2")
	f.gone("node-1")
	f.ds.Status.DesiredNumberScheduled, f.ds.Status.CurrentNumberScheduled = 3, 2
	f.event(f.ds, "DaemonSet", "FailedCreate",
		`Error creating: pods "agent-" is forbidden: error looking up service account platform/agent: serviceaccount "agent" not found`)
	f.nodes, f.missing = nil, []string{rollout.KindNodes}
	f.want(rollout.Progressing, rollout.Forbidden)
	says(t, f.after(time.Minute).want(rollout.Stuck, rollout.Forbidden).Causes[0], "2 of 3 nodes have a pod",
		"Put ServiceAccount agent into Git")
	f.after(time.Hour).want(rollout.Stuck, rollout.Forbidden)
	f.ds.Status.CurrentNumberScheduled = 3
	if j := f.judge(); j.Causes[0].Code == rollout.Forbidden {
		t.Errorf("%+v", j.Causes)
	}
}

// agentOf is the agent's container in a template.
func agentOf(spec *corev1.PodSpec) *corev1.Container { return &spec.Containers[0] }

// cannotStart is a container that waits for a reason, with what the kubelet says.
func cannotStart(reason, message string) func(f *fleet, p *corev1.Pod) {
	return func(f *fleet, p *corev1.Pod) { f.waits(p, reason, message) }
}

const runcNoSuchFile = "failed to create containerd task: failed to create shim task: OCI runtime create failed: " +
	"runc create failed: unable to start container process: "

var configRemedies = remedied(
	remedyCase{"the seccomp profile is not on the node", func(spec *corev1.PodSpec) {
		name := "profiles/agent.json"
		agentOf(spec).SecurityContext = &corev1.SecurityContext{SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeLocalhost, LocalhostProfile: &name}}
	}, cannotStart("CreateContainerError",
		`failed to generate seccomp spec opts: cannot load seccomp profile "/var/lib/kubelet/seccomp/profiles/agent.json": open /var/lib/kubelet/seccomp/profiles/agent.json: no such file or directory`),
		rollout.ConfigError, []string{"profile profiles/agent.json on node node-1", "seccompProfile.localhostProfile",
			"!command"}},
	remedyCase{"the AppArmor profile is not loaded on the node", func(spec *corev1.PodSpec) {
		name := "agent-strict"
		spec.SecurityContext = &corev1.PodSecurityContext{AppArmorProfile: &corev1.AppArmorProfile{Type: corev1.AppArmorProfileTypeLocalhost, LocalhostProfile: &name}}
	}, cannotStart("CreateContainerError", "failed to apply apparmor profile: write /proc/self/attr/apparmor/exec: "+
		"no such file or directory"), rollout.ConfigError,
		[]string{"profile agent-strict", "!command"}},
	remedyCase{"the template's command is not in the image",
		func(spec *corev1.PodSpec) { agentOf(spec).Command = []string{"/bin/nope", "-v"} },
		cannotStart("RunContainerError", runcNoSuchFile+`exec: "/bin/nope": stat /bin/nope: no such file or directory`),
		rollout.ConfigError,
		[]string{"Correct command and args of container agent in Git: /bin/nope is not in the image"}},
	remedyCase{"the image's entrypoint is not in the image", nil,
		cannotStart("RunContainerError", runcNoSuchFile+`exec: "agent": executable file not found in $PATH`),
		rollout.ConfigError, []string{"command and args", "agent, which is of the image's own entrypoint"}},
	remedyCase{"the command is no program",
		func(spec *corev1.PodSpec) { agentOf(spec).Command = []string{"/etc/agent.conf"} },
		cannotStart("RunContainerError", runcNoSuchFile+`exec: "/etc/agent.conf": permission denied`),
		rollout.ConfigError, []string{"/etc/agent.conf may not be executed", "!is not in the image"}},
	remedyCase{"the image is of another platform than the node",
		func(spec *corev1.PodSpec) { agentOf(spec).Command = []string{"/agent"} },
		cannotStart("RunContainerError", runcNoSuchFile+`exec: "/agent": exec format error`), rollout.ConfigError,
		[]string{"another platform than the node's"}},
	remedyCase{"a volume's file is mounted onto a directory", func(spec *corev1.PodSpec) {
		agentOf(spec).VolumeMounts = []corev1.VolumeMount{{Name: "conf", MountPath: "/etc/agent",
			SubPath: "agent.conf"}}
	}, cannotStart("RunContainerError", runcNoSuchFile+
		`error mounting "/var/lib/kubelet/pods/x/volume-subpaths/conf/agent/0" to rootfs at "/etc/agent": not a directory: unknown: Are you trying to mount a directory onto a file (or vice-versa)?`),
		rollout.ConfigError, []string{"volume conf at /etc/agent", `subPath "agent.conf"`, "!command"}},
	remedyCase{"the working directory is not in the image",
		func(spec *corev1.PodSpec) { agentOf(spec).WorkingDir = "/srv" },
		cannotStart("RunContainerError", runcNoSuchFile+
			`chdir to cwd ("/srv") set in config.json failed: no such file or directory`), rollout.ConfigError,
		[]string{"workingDir of container agent", "!command"}},
	remedyCase{"the image would run as root, which runAsNonRoot forbids", nil,
		cannotStart("CreateContainerConfigError",
			`container has runAsNonRoot and image will run as root (pod: "agent-4_platform(x)", container: agent)`),
		rollout.ConfigError, []string{"runAsUser"}},
	remedyCase{"the environment asks for a key that its ConfigMap lacks", func(spec *corev1.PodSpec) {
		agentOf(spec).Env = []corev1.EnvVar{
			{Name: "SECRET_LEVEL", ValueFrom: &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "agent"}, Key: "level"}}}}
	}, cannotStart("CreateContainerConfigError", "couldn't find key level in ConfigMap platform/agent"),
		rollout.ConfigError,
		[]string{"ConfigMap agent with key level", "env SECRET_LEVEL", "describe configmap agent`", "!get secrets"}},
	remedyCase{"the Secret of the whole environment is missing", func(spec *corev1.PodSpec) {
		agentOf(spec).EnvFrom = []corev1.EnvFromSource{{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "agent-config"}}}}
	}, cannotStart("CreateContainerConfigError", `secret "agent-config" not found`), rollout.ConfigError,
		[]string{"Put Secret agent-config into Git", "envFrom", "!configmap"}},
	remedyCase{"nothing has written the file that a variable is read from", func(spec *corev1.PodSpec) {
		spec.Volumes = []corev1.Volume{{Name: "made",
			VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}}
		agentOf(spec).Env = []corev1.EnvVar{
			{Name: "TOKEN", ValueFrom: &corev1.EnvVarSource{FileKeyRef: &corev1.FileKeySelector{VolumeName: "made",
				Path: "secret/agent.env", Key: "TOKEN"}}}}
	}, cannotStart("CreateContainerConfigError", "couldn't parse env file"), rollout.ConfigError,
		[]string{"env TOKEN (key TOKEN of file secret/agent.env in volume made)", "No init container of the template " +
			"mounts volume made", "!Put the secret"}},
	remedyCase{"an init container has not written the key that a variable is read from", func(spec *corev1.PodSpec) {
		spec.InitContainers = []corev1.Container{{Name: "setup",
			VolumeMounts: []corev1.VolumeMount{{Name: "made", MountPath: "/made"}}}}
		agentOf(spec).Env = []corev1.EnvVar{
			{Name: "ZONE", ValueFrom: &corev1.EnvVarSource{FileKeyRef: &corev1.FileKeySelector{VolumeName: "made",
				Path: "agent.env", Key: "ZONE"}}},
			{Name: "RACK", ValueFrom: &corev1.EnvVarSource{FileKeyRef: &corev1.FileKeySelector{VolumeName: "made",
				Path: "agent.env", Key: "RACK"}}}}
	}, cannotStart("CreateContainerConfigError",
		`environment variable key "RACK" not found in file "/var/lib/kubelet/pods/x/volumes/kubernetes.io~empty-dir/made/agent.env"`), rollout.ConfigError,
		[]string{"env RACK (key RACK of file agent.env in volume made)", "-c setup", "!ZONE"}},
	remedyCase{"the node does not do AppArmor", func(spec *corev1.PodSpec) {
		agentOf(spec).SecurityContext = &corev1.SecurityContext{AppArmorProfile: &corev1.AppArmorProfile{Type: corev1.AppArmorProfileTypeRuntimeDefault}}
	}, cannotStart("CreateContainerError", "failed to create containerd container: apparmor is not supported on the "+
		"host"), rollout.ConfigError,
		[]string{"Node node-1 does not do AppArmor", "securityContext.appArmorProfile", "!Put the profile"}},
	remedyCase{"a device is not prepared on the node", nil,
		cannotStart("CreateContainerError",
			"failed to inject devices: unresolvable CDI devices example.com/apparmor=0"), rollout.ConfigError,
		[]string{"driver of the device", "spec.nodeName=node-1"}},
	remedyCase{"the image has no such user", nil,
		cannotStart("RunContainerError", runcNoSuchFile+
			"unable to find user agent: no matching entries in passwd file"), rollout.ConfigError,
		[]string{"runAsUser", "!command"}},
	remedyCase{"the container runtime of the node hangs", nil, cannotStart("CreateContainerError",
		"context deadline exceeded"), rollout.ConfigError, []string{"container runtime", "node-1"}},
)

// What a container lacks is told by what of the template is quoted, not by a word: "no such file or directory" is a
// missing profile, mount or directory as often as a command.
func TestRemediesForContainersThatCannotStart(t *testing.T) { checkRemedies(t, configRemedies) }

// cannotBeMounted is a volume that the kubelet cannot mount.
func cannotBeMounted(reason, message string) func(f *fleet, p *corev1.Pod) {
	return func(f *fleet, p *corev1.Pod) { f.event(p, "Pod", reason, message) }
}

// volume has a template ask for a volume.
func volume(from corev1.VolumeSource) func(spec *corev1.PodSpec) {
	return func(spec *corev1.PodSpec) { spec.Volumes = []corev1.Volume{{Name: "v", VolumeSource: from}} }
}

// projects has a template ask for a volume of several sources, one of which is an ordinary token.
func projects(from corev1.VolumeProjection) func(spec *corev1.PodSpec) {
	return volume(corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
		{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Path: "token"}}, from}}})
}

var (
	rootsName, rootsSigner = "example.com:roots", "example.com/roots"

	volumeRemedies = remedied(
		remedyCase{"the signer of a pod certificate refuses",
			projects(corev1.VolumeProjection{PodCertificate: &corev1.PodCertificateProjection{SignerName: "example.com/agents"}}),
			cannotBeMounted("FailedMount",
				`MountVolume.SetUp failed for volume "v" : PodCertificateRequest was permanently denied: reason="Policy" message="no"`), rollout.VolumeMount,
			[]string{"signer example.com/agents", "get podcertificaterequests", "!token"}},
		remedyCase{"a ClusterTrustBundle is missing",
			projects(corev1.VolumeProjection{ClusterTrustBundle: &corev1.ClusterTrustBundleProjection{Name: &rootsName}}),
			cannotBeMounted("FailedMount",
				`MountVolume.SetUp failed for volume "v" : while getting ClusterTrustBundle: clustertrustbundle.certificates.k8s.io "example.com:roots" not found`), rollout.VolumeMount,
			[]string{"Put ClusterTrustBundle example.com:roots", "get clustertrustbundles"}},
		remedyCase{"no ClusterTrustBundle is of the signer",
			projects(corev1.VolumeProjection{ClusterTrustBundle: &corev1.ClusterTrustBundleProjection{SignerName: &rootsSigner}}),
			cannotBeMounted("FailedMount",
				`MountVolume.SetUp failed for volume "v" : combination of signerName and labelSelector matched zero ClusterTrustBundles`), rollout.VolumeMount,
			[]string{"signerName example.com/roots", "spec.signerName=example.com/roots"}},
		remedyCase{"a projected Secret is missing",
			projects(corev1.VolumeProjection{Secret: &corev1.SecretProjection{LocalObjectReference: corev1.LocalObjectReference{Name: "agent-configmap"}}}),
			cannotBeMounted("FailedMount",
				`MountVolume.SetUp failed for volume "v" : secret "agent-configmap" not found`), rollout.VolumeMount,
			[]string{"Put Secret agent-configmap", "get secrets"}},
		remedyCase{"a host path is not there",
			volume(corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/var/lib/secret"}}),
			cannotBeMounted("FailedMount",
				`MountVolume.SetUp failed for volume "v" : hostPath type check failed: /var/lib/secret is not a directory`), rollout.VolumeMount,
			[]string{"Node node-1 has no /var/lib/secret", "!Put"}},
		remedyCase{"a CSI driver has not registered on the node",
			volume(corev1.VolumeSource{CSI: &corev1.CSIVolumeSource{Driver: "secrets-store.csi.example.com"}}),
			cannotBeMounted("FailedMount",
				`MountVolume.SetUp failed for volume "v" : kubernetes.io/csi: mounter.SetUpAt failed to get CSI client: driver name secrets-store.csi.example.com not found in the list of registered CSI drivers`),
			rollout.VolumeMount, []string{"get csinode node-1", "secrets-store.csi.example.com"}},
		remedyCase{"a summary names several volumes", func(spec *corev1.PodSpec) {
			spec.Volumes = []corev1.Volume{{Name: "about",
				VolumeSource: corev1.VolumeSource{DownwardAPI: &corev1.DownwardAPIVolumeSource{}}},
				{Name: "key", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "agent-key"}}}}
		}, cannotBeMounted("FailedMount", "Unable to attach or mount volumes: unmounted volumes=[about key], "+
			"unattached volumes=[]: timed out waiting for the condition"), rollout.VolumeMount,
			[]string{"Put Secret agent-key", "volume key"}},
		remedyCase{"a claim that one node holds is asked for by all",
			volume(corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data"}}),
			cannotBeMounted("FailedAttachVolume",
				`Multi-Attach error for volume "pvc-1" Volume is already exclusively attached to one node and can't be attached to another`), rollout.VolumeMount,
			[]string{"claim data", "ReadWriteMany", "describe pvc data"}},
	)
)

// A volume that cannot be mounted is told by what the template has it made of.
func TestRemediesForVolumes(t *testing.T) { checkRemedies(t, volumeRemedies) }

// notPlaced is a pod that the scheduler does not place, for a reason that it has against the pod's own node.
func notPlaced(reason string) func(f *fleet, p *corev1.Pod) {
	return func(f *fleet, p *corev1.Pod) {
		f.pending(p, "0/3 nodes are available: 1 "+reason+", 2 node(s) didn't satisfy plugin(s) [NodeAffinity]. "+
			"preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.")
	}
}

var (
	gpuTemplate = "agent-gpu"

	scheduleRemedies = remedied(
		remedyCase{"the DeviceClass does not exist", func(spec *corev1.PodSpec) {
			spec.ResourceClaims = []corev1.PodResourceClaim{{Name: "gpu", ResourceClaimTemplateName: &gpuTemplate}}
		}, notPlaced("request gpu: device class gpu.example.com does not exist"), rollout.Unschedulable,
			[]string{"DeviceClass gpu.example.com, which does not exist", "ResourceClaimTemplate agent-gpu",
				"get deviceclasses", "!room", "!describe node"}},
		remedyCase{"the claim's volume is bound to another node", nil,
			notPlaced("node(s) didn't match PersistentVolume's node affinity"), rollout.Unschedulable,
			[]string{"bound to other nodes", "!no room"}},
		remedyCase{"the agent's volumes are not bound", func(spec *corev1.PodSpec) {
			spec.Volumes = []corev1.Volume{
				{Name: "models", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data"}}},
				{Name: "scratch", VolumeSource: corev1.VolumeSource{Ephemeral: &corev1.EphemeralVolumeSource{}}}}
		}, notPlaced("pod has unbound immediate PersistentVolumeClaims"), rollout.Unschedulable,
			[]string{"waits for its PersistentVolumeClaim data, agent-4-scratch to be bound",
				"describe pvc data agent-4-scratch`", "!room"}},
		remedyCase{"a host port is taken, by whom is not known", func(spec *corev1.PodSpec) {
			agentOf(spec).Ports = []corev1.ContainerPort{{ContainerPort: 80, HostPort: 9100},
				{ContainerPort: 81, HostPort: 9101, Protocol: corev1.ProtocolUDP}}
		}, notPlaced("node(s) didn't have free ports for the requested pod ports"), rollout.Unschedulable,
			[]string{"Another pod of node-1 holds host port 9100/TCP or 9101/UDP", "--field-selector " +
				"spec.nodeName=node-1", "grep -wE '9100|9101'`"}},
		remedyCase{"another pod's anti-affinity keeps the agent off", nil,
			notPlaced("node(s) didn't satisfy existing pods anti-affinity rules"), rollout.Unschedulable,
			[]string{"anti-affinity", "!no room", "!what is requested"}},
	)
)

// What keeps a pod off its node is not always a lack of room.
func TestRemediesForPodsThatAreNotPlaced(t *testing.T) { checkRemedies(t, scheduleRemedies) }

// probed is an agent with an exec probe of some kind, whose program the runtime does not find.
func probed(kind, program, said string) remedyCase {
	probe := &corev1.Probe{ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{program,
		"--quick"}}}}
	return remedyCase{"the program of the " + kind + " probe cannot be run: " + program, func(spec *corev1.PodSpec) {
		switch kind {
		case "startup":
			agentOf(spec).StartupProbe = probe
		case "readiness":
			agentOf(spec).ReadinessProbe = probe
		}
	}, func(f *fleet, p *corev1.Pod) {
		started := kind == "readiness"
		f.runs(p).Status.ContainerStatuses[0].Started = &started
		for range 2 {
			f.after(time.Second).event(p, "Pod", "Unhealthy", map[string]string{"startup": "Startup",
				"readiness": "Readiness"}[kind]+
				" probe errored and resulted in unknown state: rpc error: code = Unknown desc = failed to exec in "+
				"container: "+said)
		}
	}, rollout.ProbeFailing, []string{"can never be ready", "its " + kind + " probe", "Put " + program, "-c agent -- " +
		program, "!give it time"}}
}

var probeRemedies = remedied(
	probed("readiness", "/bin/ready", `OCI runtime exec failed: exec failed: unable to start container process: exec: "/bin/ready": stat /bin/ready: no such file or directory`),
	probed("startup", "curl", `OCI runtime exec failed: exec failed: unable to start container process: exec: "curl": executable file not found in $PATH`),
)

// A probe whose program is not in the image can never pass: that is said without waiting for the deadline.
func TestRemediesForProbesThatCannotRun(t *testing.T) { checkRemedies(t, probeRemedies) }

// A program that the agent itself puts there in time, a probe that ran and failed, and one that only took too long, are
// waited for.
func TestProbesThatMayPassAreWaitedFor(t *testing.T) {
	c := probed("readiness", "/bin/ready", `exec: "/bin/ready": stat /bin/ready: no such file or directory`)
	begin := func() (*fleet, *corev1.Pod) {
		f := newFleet(t, 3).apply(func(d *appsv1.DaemonSet) { c.template(&d.Spec.Template.Spec) })
		return f, f.replace("node-1")
	}
	f, p := begin()
	c.show(f, p)
	f.want(rollout.Progressing, rollout.ProbeFailing)
	f.after(20 * time.Second).ready(p)
	f.want(rollout.Progressing)
	for _, said := range []string{"Readiness probe failed: /bin/ready: cannot open /run/agent: no such file or " +
		"directory",
		"Readiness probe errored and resulted in unknown state: rpc error: code = DeadlineExceeded desc = context " +
			"deadline exceeded"} {
		f, p = begin()
		f.runs(p)
		f.event(p, "Pod", "Unhealthy", said)
		f.after(time.Second).event(p, "Pod", "Unhealthy", said)
		f.after(5*time.Minute).want(rollout.Progressing, rollout.ProbeFailing)
	}
}
