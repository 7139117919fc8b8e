package judge

import (
	"testing"
	"time"
)

// A dump of an image that cannot be pulled says so, with the node and the image, at its own last moment. By then the
// kubelet has sent its 25 Events and swallows most: that a pull began is the last that it says, though four have failed
// and the container still waits in back-off. An answer that may have been swallowed is not missing.
func TestADumpOfATypoNamesNodeAndImage(t *testing.T) {
	r := recorded(t, "image-typo")
	_, j := explainDump(t, time.Time{}, r.dump(t, len(r.Snapshots)-1, 0))
	truths["image-typo"].check(t, j)
}
