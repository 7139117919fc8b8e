package cause

import (
	"cmp"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout/survey"
)

// volumeAdvice is what the template says about a volume that cannot be mounted, and what to do; nothing if the template
// has no volume of the name.
func volumeAdvice(s *survey.Survey, p *corev1.Pod, name, message string) (detail, remedy string) {
	for _, one := range strings.Fields(name) { // a summary names several
		if v := volumeNamed(s, strings.TrimSuffix(one, ",")); v != nil && detail == "" {
			detail, remedy = adviseVolume(s, p, v, message)
		}
	}
	if v := attached(s, message); v != nil && detail == "" {
		return adviseVolume(s, p, v, message)
	}
	return detail, remedy
}

// adviseVolume is about one volume, by what the template has it made of.
func adviseVolume(s *survey.Survey, p *corev1.Pod, v *corev1.Volume, message string) (detail, remedy string) {
	switch {
	case v.Secret != nil:
		return "Secret " + v.Secret.SecretName, adviseObject(s, v.Name, "Secret", v.Secret.SecretName)
	case v.ConfigMap != nil:
		return "ConfigMap " + v.ConfigMap.Name, adviseObject(s, v.Name, "ConfigMap", v.ConfigMap.Name)
	case v.Projected != nil:
		return adviseProjected(s, p, v, message)
	case v.HostPath != nil:
		return "hostPath " + v.HostPath.Path,
			fmt.Sprintf("Node %s has no %s of the type that hostPath.type asks for: make it there, correct path or "+
				"type of volume %s in Git (DirectoryOrCreate makes it), or leave such nodes out.", p.Spec.NodeName,
				v.HostPath.Path, v.Name)
	case v.PersistentVolumeClaim != nil:
		return adviseClaim(s, v, message)
	case v.CSI != nil:
		return "CSI driver " + v.CSI.Driver,
			fmt.Sprintf("See whether the node plugin of CSI driver %s runs on %s and has registered there, `kubectl "+
				"get csinode %[2]s -o yaml`, and read its log; or correct volume %s in Git.", v.CSI.Driver,
				p.Spec.NodeName, v.Name)
	}
	return "", ""
}

// attached is the template's only volume that is attached to a node, of which the kubelet quotes the PersistentVolume.
func attached(s *survey.Survey, message string) *corev1.Volume {
	if !strings.Contains(message, "ttach") {
		return nil
	}
	var only *corev1.Volume
	for i := range s.Live.Spec.Template.Spec.Volumes {
		if v := &s.Live.Spec.Template.Spec.Volumes[i]; v.PersistentVolumeClaim != nil {
			if only != nil {
				return nil
			}
			only = v
		}
	}
	return only
}

func adviseObject(s *survey.Survey, volume, kind, name string) string {
	return fmt.Sprintf("Put %s %s, with the keys that volume %s asks for, into Git beside the DaemonSet, correct the "+
		"volume's reference, or mark it optional. What there is: `kubectl -n %s get %ss`.", kind, name, volume,
		s.Live.Namespace, strings.ToLower(kind))
}

// adviseClaim is about a PersistentVolumeClaim, which all pods of a DaemonSet share.
func adviseClaim(s *survey.Survey, v *corev1.Volume, message string) (detail, remedy string) {
	claim := v.PersistentVolumeClaim.ClaimName
	look := fmt.Sprintf("`kubectl -n %s describe pvc %s`", s.Live.Namespace, claim)
	if strings.Contains(message, "Multi-Attach") {
		return "PersistentVolumeClaim " + claim,
			fmt.Sprintf("A volume that only one node may use cannot serve a DaemonSet, whose pods share claim %s: "+
				"give volume %s a claim of accessMode ReadWriteMany, or another kind of volume: %s.", claim, v.Name,
				look)
	}
	return "PersistentVolumeClaim " + claim,
		fmt.Sprintf("See the claim and its PersistentVolume, %s, and whether the storage driver's pod runs on the "+
			"node; or correct volume %s in Git.", look, v.Name)
}

// adviseProjected is about the source of a projected volume that the kubelet speaks of.
func adviseProjected(s *survey.Survey, p *corev1.Pod, v *corev1.Volume, message string) (detail, remedy string) {
	for i := range v.Projected.Sources {
		from := &v.Projected.Sources[i]
		if len(v.Projected.Sources) > 1 && !speaksOf(from, message) {
			continue
		}
		switch {
		case from.PodCertificate != nil:
			signer := from.PodCertificate.SignerName
			return "podCertificate of signer " + signer,
				fmt.Sprintf("The kubelet has asked for a certificate, and no signer has answered, or it has refused: "+
					"see the PodCertificateRequest of pod %s, `kubectl -n %s get podcertificaterequests -o wide`. "+
					"Install or mend the signer %s, or correct signerName of volume %s in Git.", p.Name,
					s.Live.Namespace, signer, v.Name)
		case from.ClusterTrustBundle != nil:
			return adviseTrustBundle(v.Name, from.ClusterTrustBundle)
		case from.ServiceAccountToken != nil:
			return "serviceAccountToken",
				fmt.Sprintf("The kubelet gets no token for ServiceAccount %s: see whether it still exists, `kubectl "+
					"-n %s get serviceaccounts`, and whether audience %q of volume %s may be asked for.",
					serviceAccount(s), s.Live.Namespace, from.ServiceAccountToken.Audience, v.Name)
		case from.Secret != nil:
			return "Secret " + from.Secret.Name, adviseObject(s, v.Name, "Secret", from.Secret.Name)
		case from.ConfigMap != nil:
			return "ConfigMap " + from.ConfigMap.Name, adviseObject(s, v.Name, "ConfigMap", from.ConfigMap.Name)
		}
	}
	return "", ""
}

// speaksOf reports whether the kubelet speaks of one of several sources (kubernetes pkg/volume/projected).
func speaksOf(from *corev1.VolumeProjection, message string) bool {
	lower := strings.ToLower(message)
	switch {
	case from.PodCertificate != nil:
		return strings.Contains(lower, "credential bundle") || strings.Contains(lower, "podcertificaterequest")
	case from.ClusterTrustBundle != nil:
		return strings.Contains(lower, "clustertrustbundle") || strings.Contains(lower, "trust anchors")
	case from.ServiceAccountToken != nil:
		return strings.Contains(lower, "failed to fetch token")
	case from.Secret != nil:
		return strings.Contains(lower, fmt.Sprintf("secret %q", from.Secret.Name)) || strings.Contains(lower, "secret "+
			from.Secret.Name)
	case from.ConfigMap != nil:
		return strings.Contains(lower, fmt.Sprintf("configmap %q", from.ConfigMap.Name)) ||
			strings.Contains(lower, "configmap "+from.ConfigMap.Name)
	}
	return false
}

// adviseTrustBundle is about a ClusterTrustBundle, which is asked for by name, or by signer and labels.
func adviseTrustBundle(volume string, from *corev1.ClusterTrustBundleProjection) (detail, remedy string) {
	if from.Name != nil {
		return "ClusterTrustBundle " + *from.Name,
			fmt.Sprintf("Put ClusterTrustBundle %s into the cluster, correct its name in volume %s in Git, or mark "+
				"it optional: `kubectl get clustertrustbundles`.", *from.Name, volume)
	}
	signer := ""
	if from.SignerName != nil {
		signer = *from.SignerName
	}
	return "clusterTrustBundle of signer " + signer,
		fmt.Sprintf("No ClusterTrustBundle has signerName %s and the labels that volume %s asks for: publish one, "+
			"correct signerName or labelSelector in Git, or mark it optional: `kubectl get clustertrustbundles "+
			"--show-labels --field-selector spec.signerName=%[1]s`.", signer, volume)
}

// serviceAccount is the one that the template's pods run as.
func serviceAccount(s *survey.Survey) string {
	return cmp.Or(s.Live.Spec.Template.Spec.ServiceAccountName, "default")
}
