package cause

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/survey"
	"github.com/daemongate/daemongate/rollout/words"
)

// excess is a ResourceQuota that a pod would go over, as the API server words it (kubernetes
// apiserver/pkg/admission/plugin/resourcequota): "exceeded quota: q, requested: pods=1,requests.cpu=1, used: pods=2,
// requests.cpu=3, limited: pods=2,requests.cpu=3".
type excess struct {
	quota   string
	figures []quotaFigure // of the resources that are used up
}

type quotaFigure struct{ resource, asked, used, hard string }

var (
	quotaExceeded = regexp.MustCompile(`exceeded quota: ([^,\s]+), requested: (.*), used: (.*), limited: ([^\s]+)`)
	quotaFailed   = regexp.MustCompile(`failed quota: ([^:\s]+): must specify (.+)`)
)

// excessOf reads a refusal; false if it is not about a quota that is used up.
func excessOf(message string) (excess, bool) {
	m := quotaExceeded.FindStringSubmatch(message)
	if m == nil {
		return excess{}, false
	}
	e := excess{quota: m[1]}
	asked, used, hard := amounts(m[2]), amounts(m[3]), amounts(m[4])
	var names []string
	for name := range asked {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		e.figures = append(e.figures, quotaFigure{name, asked[name], used[name], hard[name]})
	}
	return e, true
}

// amounts reads "pods=1,requests.cpu=500m".
func amounts(text string) map[string]string {
	list := map[string]string{}
	for _, field := range strings.Split(text, ",") {
		if name, value, found := strings.Cut(strings.TrimSpace(field), "="); found {
			list[name] = value
		}
	}
	return list
}

// overQuota words a refusal by a quota, and what to do about it: by its own figures or, if the quotas are known, by the
// present ones.
func overQuota(s *survey.Survey, message string) (said, remedy string, found bool) {
	if m := quotaFailed.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("ResourceQuota %s asks every pod of the namespace to say %s", m[1], m[2]),
			fmt.Sprintf("Put %s of every container into Git.", m[2]), true
	}
	e, over := excessOf(message)
	if !over {
		return "", "", false
	}
	namespace, nodes := s.Live.Namespace,
		len(survey.NamesWhere(s, func(at *survey.Site) bool { return at.Counts() && at.Missing() }))
	quota := quotaNamed(s, e.quota)
	var figures, raise []string
	for _, f := range e.figures {
		text := fmt.Sprintf("a pod asks for %s %s, %s of %s is used", f.resource, f.asked, f.used, f.hard)
		if quota != nil {
			f.used, f.hard = statusOf(quota.Status.Used, f.resource, f.used), statusOf(quota.Status.Hard, f.resource,
				f.hard)
			if now := fmt.Sprintf("a pod asks for %s %s, %s of %s is used", f.resource, f.asked, f.used,
				f.hard); now != text {
				text += fmt.Sprintf(" (now %s of %s)", f.used, f.hard)
			}
		}
		figures = append(figures, text)
		if to := f.needed(nodes); to != "" {
			raise = append(raise, fmt.Sprintf("%s to %s", f.resource, to))
		}
	}
	said = fmt.Sprintf("exceeded quota: %s: %s", e.quota, strings.Join(figures, "; "))
	if len(raise) == 0 && len(e.figures) > 0 && quota != nil {
		remedy = fmt.Sprintf("There is room again. If nothing comes of it: `kubectl -n %s describe resourcequota %s`",
			namespace, e.quota)
	} else {
		remedy = quotaRemedy(s, e, nodes, raise)
	}
	return said, remedy + ". An agent, of which there are as many as nodes, is better off in a namespace without a " +
		"quota.", true
}

// quotaRemedy is what to do about a quota that is used up, for so many nodes without a pod. A template that asks for
// less does not help by itself where the pods of the present one hold the quota: the DaemonSet controller makes the
// missing pods first, and replaces none as long as one is refused (kubernetes pkg/controller/daemon, updateDaemonSet).
func quotaRemedy(s *survey.Survey, e excess, nodes int, raise []string) string {
	remedy := fmt.Sprintf("Raise the quota: `kubectl -n %s edit resourcequota %s`", s.Live.Namespace, e.quota)
	if len(raise) > 0 {
		remedy += fmt.Sprintf(" (for %s without a pod: %s at least)", words.Plural(nodes, "node"),
			strings.Join(raise, ", "))
	}
	made := survey.NamesWhere(s, func(at *survey.Site) bool { return at.Updated != nil })
	switch {
	case e.countsPods():
	case len(made) == 0:
		remedy += "; or ask for less in Git"
	default:
		remedy += fmt.Sprintf("; or ask for less in Git, and delete the pods that hold the quota once that commit is "+
			"applied, because the DaemonSet controller replaces none of them while it is refused another: `kubectl "+
			"-n %s delete pods -l %s=%s`",
			s.Live.Namespace, fact.HashLabel, s.Revision.Hash)
	}
	return remedy
}

// countsPods reports whether the quota is about how many pods there are, whatever they ask for.
func (e excess) countsPods() bool {
	return slices.ContainsFunc(e.figures, func(f quotaFigure) bool {
		return f.resource == "pods" ||
			f.resource == "count/pods"
	})
}

// needed is what a quota's resource would have to be raised to for so many more pods; "" if it need not be, or cannot
// be read.
func (f quotaFigure) needed(pods int) string {
	asked, askedErr := resource.ParseQuantity(f.asked)
	used, usedErr := resource.ParseQuantity(f.used)
	hard, hardErr := resource.ParseQuantity(f.hard)
	if askedErr != nil || usedErr != nil || hardErr != nil {
		return ""
	}
	for range max(1, pods) {
		used.Add(asked)
	}
	if used.Cmp(hard) <= 0 {
		return ""
	}
	return used.String()
}

// quotaNamed is the look's ResourceQuota of a name, nil if it has none such.
func quotaNamed(s *survey.Survey, name string) *corev1.ResourceQuota {
	i := slices.IndexFunc(s.Look.Quotas, func(q *corev1.ResourceQuota) bool { return q.Name == name })
	if i < 0 {
		return nil
	}
	return s.Look.Quotas[i]
}

// statusOf is a quota's present figure, or what was said of it if it has none.
func statusOf(list corev1.ResourceList, name, said string) string {
	if q, known := list[corev1.ResourceName(name)]; known {
		return q.String()
	}
	return said
}
