package outbox

import (
	"context"

	typedv1 "k8s.io/client-go/kubernetes/typed/core/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/kept"
)

// configMapStore keeps reports in a ConfigMap beside the Sync. A thousand of them take less than the megabyte that
// it may have: a description has 140 characters at most, and what is the same in all of them is not written down.
type configMapStore struct{ kept.Store }

func newStore(maps typedv1.ConfigMapsGetter, s *api.Sync, place string) *configMapStore {
	return &configMapStore{kept.Store{Maps: maps, Sync: s, Suffix: "-outbox", Place: place, What: "reports",
		Instead: "what the Sync's status remembers is told"}}
}

// read returns the reports to this place; none if they cannot be trusted, or went to another one. The error is a
// *kept.AlteredError if somebody else has written them.
func (m *configMapStore) read(ctx context.Context) ([]report, error) {
	var reports []report
	if ok, err := m.Read(ctx, &reports); !ok {
		return nil, err
	}
	return reports, nil
}

// write keeps the reports.
func (m *configMapStore) write(ctx context.Context, reports []report) error {
	return m.Write(ctx, reports)
}
