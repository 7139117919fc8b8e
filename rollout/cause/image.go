package cause

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/survey"
)

// silentPull is how long a pull that is known to have failed once may go without a word before that is enough: the
// kubelet tries again within seconds, but drops Events of a pod that has many.
const silentPull = 2 * time.Minute

// invalidImage is an image that no registry can be asked for.
func invalidImage(s *survey.Survey, at *survey.Site, c survey.ContainerCase) *survey.Finding {
	reason, message := c.Waiting()
	image := wants(s, c, message)
	f := &survey.Finding{Code: rollout.InvalidImage, Key: image.ref, About: image.about()}
	switch reason {
	case "InvalidImageName":
		f.Message = fmt.Sprintf("%s: %q is not a valid image name: %s", image.who(c), image.ref, lastClause(message))
		f.Remedy = fmt.Sprintf("Correct %s in Git: a repository is lower case, and has one tag or one digest.",
			image.field(c))
	case "ErrImageNeverPull":
		policy := "imagePullPolicy"
		if image.volume != "" {
			policy = "the volume's image.pullPolicy"
		}
		f.Message = fmt.Sprintf("%s: image %q is not on the node, and %s is Never", image.who(c), image.ref, policy)
		f.Remedy = fmt.Sprintf("Put the image on the nodes, or set %s to IfNotPresent in Git.", policy)
	default:
		return nil
	}
	f.Remedy += image.place()
	said := s.TraceOf(c.Pod.UID, image.said(fact.WithReason("Failed", "InspectFailed", "ErrImageNeverPull")))
	f.Since = s.Since(rollout.InvalidImage, at.Name, false, said.First, mayHaveBegun(s, c.Pod))
	return s.Ripen(f)
}

// cannotPull are what a container waits for when its image cannot be had.
var cannotPull = []string{"ErrImagePull", "ImagePullBackOff", "RegistryUnavailable", "SignatureValidationFailed",
	"ImageInspectError"}

// imagePull is an image that cannot be had. While it is being pulled, once more, nobody knows.
func imagePull(s *survey.Survey, at *survey.Site, c survey.ContainerCase) *survey.Finding {
	reason, message := c.Waiting()
	if !slices.Contains(cannotPull, reason) {
		return nil
	}
	image, uid := wants(s, c, message), c.Pod.UID
	failed := failedPulls(s, uid, image)
	begun := s.TraceOf(uid, image.said(fact.WithReason("Pulling")))
	answered := s.TraceOf(uid, image.said(fact.WithReason("Failed", "BackOff", "Pulled")))
	if begun.Last.After(answered.Last) && s.TraceOf(uid, anything).Count < eventBurst {
		return nil
	}
	why := pullError(message)
	f := &survey.Finding{
		Code: rollout.ImagePull, Key: image.ref, About: image.about(),
		Message: fmt.Sprintf("%s: image %q cannot be pulled: %s", image.who(c), image.ref, why),
		Remedy:  pullRemedy(s, image.ref, why, c.Pod.Name) + image.place(),
		Since:   s.Since(rollout.ImagePull, at.Name, false, failed.First, mayHaveBegun(s, c.Pod)),
	}
	if !failed.Found() {
		return s.Ripen(f)
	}
	f = s.RipenCounted(f, failed.Count)
	if enough := f.Since.Add(max(silentPull, s.Options.TimeFor(rollout.ImagePull))); s.Reached(enough) {
		f.Final = true
	} else {
		s.WakeAt(enough)
	}
	return f
}

// eventBurst is how many Events the kubelet sends about one pod before it swallows most of them (client-go's spam
// filter; one more every five minutes). From then on an answer that is missing may have been swallowed.
const eventBurst = 25

func anything(*corev1.Event) bool { return true }

// failedPulls are the pulls of an image that failed. The kubelet sends two Events of each: what the runtime said, and
// the error in short; of either the other may have been swallowed.
func failedPulls(s *survey.Survey, uid types.UID, image wantedImage) fact.Trace {
	said := s.TraceOf(uid, image.said(isFailedPull))
	short := s.TraceOf(uid, image.said(func(e *corev1.Event) bool {
		return e.Reason == "Failed" && strings.HasPrefix(fact.SaidBy(e), "Error: ErrImagePull")
	}))
	if short.Count > said.Count {
		return short
	}
	return said
}

func isFailedPull(e *corev1.Event) bool {
	return e.Reason == "Failed" && strings.HasPrefix(fact.SaidBy(e), "Failed to pull image")
}

// pullError is the registry's own words in what the kubelet says.
func pullError(message string) string {
	if _, inner, found := strings.Cut(message, "ErrImagePull: "); found {
		message = inner
	}
	for _, wrapping := range []string{"failed to resolve image: ", "failed to do request: ", "rpc error: code = ",
		" desc = "} {
		if _, inner, found := strings.Cut(message, wrapping); found {
			message = inner
		}
	}
	if message == "" {
		return "the kubelet does not say why"
	}
	return message
}

// pullTroubles are what a registry answers, or what is in the way of it, with what to do. They are looked through in
// this order: a registry that keeps an image to itself often says that it is not there.
var pullTroubles = []struct {
	says   *regexp.Regexp
	advice func(image string) string
}{
	{regexp.MustCompile(`(?i)\b(unauthorized|denied|forbidden|authentication|authorization|401|403)\b`),
		func(image string) string {
			return fmt.Sprintf("Either %s does not exist or the nodes may not pull it: check the tag, then the "+
				"imagePullSecrets of the pod and of its ServiceAccount.", image)
		}},
	{regexp.MustCompile(`(?i)\b(not found|manifest unknown|does not exist|no match for platform|404)\b`),
		func(image string) string {
			return fmt.Sprintf("Push %s to its registry (for the nodes' platform), or correct the tag in Git.", image)
		}},
	{regexp.MustCompile(`(?i)\b(toomanyrequests|too many requests|rate limit|429)\b`), func(string) string {
		return "The registry limits pulls: pull with credentials, or through a mirror."
	}},
	{regexp.MustCompile(`(?i)\b(no such host|timeout|timed out|refused|unreachable|x509|tls|eof|50[0234]|i/o|server misbehaving|no route to host|` +
		`connection reset)\b`), func(image string) string {
		return fmt.Sprintf("The node does not get through to the registry: check that the registry's name in %s is "+
			"right, then the node's DNS, proxy, CA and network.", image)
	}},
	{regexp.MustCompile(`(?i)no space left`), func(string) string {
		return "The node's disk is full: `kubectl describe node` shows DiskPressure; free it."
	}},
}

// pullRemedy is what to do about a pull that failed for some reason.
func pullRemedy(s *survey.Survey, image, why, pod string) string {
	said, look := withoutPlaces(why, image), fmt.Sprintf(" Details: `kubectl -n %s describe pod %s`.", s.Live.Namespace,
		pod)
	for _, trouble := range pullTroubles {
		if trouble.says.MatchString(said) {
			return trouble.advice(image) + look
		}
	}
	return fmt.Sprintf("Check that %s exists and that the nodes may pull it; correct the image in Git if not.", image) +
		look
}

// lastClause is the innermost part of a nested error text.
func lastClause(message string) string {
	parts := strings.Split(message, ": ")
	return strings.Join(parts[max(0, len(parts)-2):], ": ")
}
