package plan

import (
	"encoding/json"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
)

// filledIn are the fields of a template that the API server sets by itself. One that the live template has and the
// commit leaves out is the same: where no API server can be asked, they are taken from there.
var filledIn = []string{"terminationMessagePath", "terminationMessagePolicy", "imagePullPolicy", "dnsPolicy",
	"restartPolicy", "schedulerName", "securityContext", "terminationGracePeriodSeconds", "protocol", "hostPort",
	"timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold", "scheme", "defaultMode", "apiVersion",
	"serviceAccount", "creationTimestamp", "resources", "type", "expirationSeconds", "grpc", "requests", "metadata"}

// FillIn sets what the API server fills in of a DaemonSet's template, as far as the live one tells, so that the two
// can be compared without one.
func FillIn(next, current *appsv1.DaemonSet) {
	var wish, live map[string]any
	if !convert(next.Spec.Template, &wish) || !convert(current.Spec.Template, &live) {
		return
	}
	var filled corev1.PodTemplateSpec
	fill(wish, live)
	if convert(wish, &filled) && equality.Semantic.DeepEqual(filled, current.Spec.Template) {
		next.Spec.Template = filled
	}
}

func convert(from, to any) bool {
	text, err := json.Marshal(from)
	return err == nil && json.Unmarshal(text, to) == nil
}

// fill takes over from one value what another one leaves out. Lists are compared element by element.
func fill(wish, live any) {
	switch w := wish.(type) {
	case map[string]any:
		l, same := live.(map[string]any)
		if !same {
			return
		}
		for key, value := range l {
			if has, there := w[key]; there {
				fill(has, value)
			} else if slices.Contains(filledIn, key) {
				w[key] = value
			}
		}
	case []any:
		l, same := live.([]any)
		for i := 0; same && len(l) == len(w) && i < len(w); i++ {
			fill(w[i], l[i])
		}
	}
}
