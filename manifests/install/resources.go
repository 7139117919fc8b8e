package install

import (
	"cmp"
	"fmt"

	"k8s.io/apimachinery/pkg/api/resource"
)

// Resources are what the controller's container asks for, and how much memory it may take, renders included. What is
// empty is as in DefaultResources.
type Resources struct{ CPURequest, MemoryRequest, MemoryLimit string }

// DefaultResources are good for a hundred Syncs, and the limit for a thousand: docs/operate.md has the sizes.
var DefaultResources = Resources{CPURequest: "50m", MemoryRequest: "128Mi", MemoryLimit: "1536Mi"}

// OrDefault puts the defaults where nothing was asked for.
func (r Resources) OrDefault() Resources {
	d := DefaultResources
	return Resources{cmp.Or(r.CPURequest, d.CPURequest), cmp.Or(r.MemoryRequest, d.MemoryRequest),
		cmp.Or(r.MemoryLimit, d.MemoryLimit)}
}

// Check refuses what is no quantity, a request above the limit, and a limit that leaves the controller less than the
// least beside its renders.
func (r Resources) Check(renders, least int64) error {
	r = r.OrDefault()
	amounts := map[string]resource.Quantity{}
	for _, f := range []struct{ flag, text string }{
		{"--request-cpu", r.CPURequest}, {"--request-memory", r.MemoryRequest}, {"--limit-memory", r.MemoryLimit},
	} {
		amount, err := resource.ParseQuantity(f.text)
		if err != nil || amount.Sign() <= 0 {
			return fmt.Errorf("%s %q: want a quantity of Kubernetes, such as 250m of a processor or 512Mi of memory",
				f.flag, f.text)
		}
		amounts[f.flag] = amount
	}
	request, limit := amounts["--request-memory"], amounts["--limit-memory"]
	if request.Cmp(limit) > 0 {
		return fmt.Errorf("--request-memory %s: is more than --limit-memory %s", r.MemoryRequest, r.MemoryLimit)
	}
	if want := renders + least; limit.Value() < want {
		return fmt.Errorf("--limit-memory %s: want %dMi at least, since renders may take %dMi of it", r.MemoryLimit,
			want>>20, renders>>20)
	}
	return nil
}
