package outbox

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	typedv1 "k8s.io/client-go/kubernetes/typed/core/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// The keys of the ConfigMap that holds the reports: the reports, and a hash of the place they go to.
const (
	outboxKey = "outbox.json"
	placeKey  = "place"
)

// configMapStore keeps reports in a ConfigMap beside the Sync. A thousand of them take less than the megabyte that
// it may have: a description has 140 characters at most, and what is the same in all of them is not written down.
type configMapStore struct {
	maps  typedv1.ConfigMapsGetter
	sync  *api.Sync
	place string
}

func outboxName(s *api.Sync) string { return s.Name + "-outbox" }

// hashed is the place without what may be secret in it.
func (m *configMapStore) hashed() string {
	sum := sha256.Sum256([]byte(m.place))
	return hex.EncodeToString(sum[:16])
}

// read returns the reports to this place; none if they cannot be trusted, or went to another one.
func (m *configMapStore) read(ctx context.Context) ([]report, error) {
	found, err := m.maps.ConfigMaps(m.sync.Namespace).Get(ctx, outboxName(m.sync), metav1.GetOptions{})
	if errors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("outbox of Sync %s/%s: %w", m.sync.Namespace, m.sync.Name, err)
	}
	var reports []report
	if found.Data[placeKey] != m.hashed() || json.Unmarshal([]byte(found.Data[outboxKey]), &reports) != nil {
		return nil, nil
	}
	return reports, nil
}

func (m *configMapStore) write(ctx context.Context, reports []report) error {
	text, err := encode(reports)
	if err != nil {
		return err
	}
	next := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: m.sync.Namespace, Name: outboxName(m.sync),
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(m.sync, api.Kind)}},
		Data: map[string]string{outboxKey: text, placeKey: m.hashed()},
	}
	maps := m.maps.ConfigMaps(m.sync.Namespace)
	_, err = maps.Update(ctx, next, metav1.UpdateOptions{})
	if errors.IsNotFound(err) {
		_, err = maps.Create(ctx, next, metav1.CreateOptions{})
	}
	if err != nil {
		return fmt.Errorf("outbox of Sync %s/%s: %w", m.sync.Namespace, m.sync.Name, err)
	}
	return nil
}

// encode writes reports without the escapes for web pages, which would make six characters of one.
func encode(reports []report) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(reports)
	return b.String(), err
}
