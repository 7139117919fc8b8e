package kubelet

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/distribution/reference"
)

// released are the tags that registry.local has, of every repository.
var released = regexp.MustCompile(`^v[0-9]+(\.[0-9]+)*$`)

// pullable reports whether a registry has the image: registry.local has released tags only, any other has everything.
func pullable(image string) bool {
	rest, ok := strings.CutPrefix(image, "registry.local/")
	if !ok {
		return true
	}
	_, tag, ok := strings.Cut(rest, ":")
	return ok && released.MatchString(tag)
}

// invalidImage is the kubelet's message for a name that is none, empty for a good one.
func invalidImage(image string) string {
	if _, err := reference.ParseNormalizedNamed(image); err != nil {
		return fmt.Sprintf("Failed to apply default image tag %q: couldn't parse image name %q: %v", image, image, err)
	}
	return ""
}

// pullError is containerd's message for an image that its registry does not have.
func pullError(image string) string {
	return fmt.Sprintf("failed to pull and unpack image %q: failed to resolve image: %s: not found", image, image)
}
