package manifests

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/daemongate/daemongate/manifests/fields"
)

// leftovers finds what others keep on an object whose fields an apply has just taken from them. What the API server
// fills in by itself is theirs too if they created the object, and not worth telling: it is found by asking what it
// would make of the object alone. If it does not say, all is told.
func (c *Client) leftovers(ctx context.Context, t target, live, answer *unstructured.Unstructured) []fields.Leftovers {
	taken := fields.Robbed(live, answer)
	if len(fields.Left(answer, taken, nil)) == 0 {
		return nil
	}
	alone := target{id: t.id, object: t.object.DeepCopy(), mapping: t.mapping}
	alone.id.Name = "daemongate-dry-run-" + string(answer.GetUID())
	alone.object.SetName(alone.id.Name)
	silent := context.WithValue(ctx, warningsKey{}, nil) // what is warned of was said of the object itself
	defaults, err := c.ask(silent, alone, false)
	if err != nil {
		defaults = nil
	}
	return fields.Left(answer, taken, defaults)
}
