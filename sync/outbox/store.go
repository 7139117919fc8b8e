package outbox

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	stderrors "errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	typedv1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/util/retry"

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

// foreignError says that the ConfigMap of the outbox's name is not the Sync's own.
type foreignError struct{ namespace, name, sync string }

func (e *foreignError) Error() string {
	return fmt.Sprintf("ConfigMap %s/%s is not owned by Sync %s, so it is neither read nor overwritten: reports go on "+
		"without it, but a restart may forget some or send them again; delete or rename it",
		e.namespace, e.name, e.sync)
}

// alteredError says that somebody else has written what the outbox holds.
type alteredError struct{ namespace, name, by string }

func (e *alteredError) Error() string {
	return fmt.Sprintf("ConfigMap %s/%s was changed by somebody else (field manager %s): what it says is thrown away, "+
		"and what the Sync's status remembers is told", e.namespace, e.name, e.by)
}

// ourManager is by which name outboxes are written.
const ourManager = "daemongate"

// altered says that somebody else has written the reports, if so. Who calls himself as we do is not seen.
func altered(found *corev1.ConfigMap) error {
	for _, f := range found.ManagedFields {
		if f.Manager == ourManager || f.FieldsV1 == nil {
			continue
		}
		if wrote := f.FieldsV1.GetRawString(); strings.Contains(wrote, `"f:`+outboxKey+`"`) ||
			strings.Contains(wrote, `"f:`+placeKey+`"`) {
			return &alteredError{found.Namespace, found.Name, f.Manager}
		}
	}
	return nil
}

// own returns the Sync's ConfigMap, nil if there is none. One that the Sync does not control, by its UID, is an error.
func (m *configMapStore) own(ctx context.Context) (*corev1.ConfigMap, error) {
	name := outboxName(m.sync)
	found, err := m.maps.ConfigMaps(m.sync.Namespace).Get(ctx, name, metav1.GetOptions{})
	switch {
	case errors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, err
	case !metav1.IsControlledBy(found, m.sync):
		return nil, &foreignError{namespace: m.sync.Namespace, name: name, sync: m.sync.Name}
	}
	return found, nil
}

// read returns the reports to this place; none if they cannot be trusted, or went to another one. The error is an
// *alteredError if somebody else has written them.
func (m *configMapStore) read(ctx context.Context) ([]report, error) {
	found, err := m.own(ctx)
	if foreign := (*foreignError)(nil); found == nil && (err == nil || stderrors.As(err, &foreign)) {
		return nil, nil
	}
	if err != nil {
		return nil, m.named(err)
	}
	if err := altered(found); err != nil {
		return nil, err
	}
	var reports []report
	if found.Data[placeKey] != m.hashed() || json.Unmarshal([]byte(found.Data[outboxKey]), &reports) != nil {
		return nil, nil
	}
	return reports, nil
}

// write keeps the reports. It replaces what it has seen to be the Sync's own, and nothing that came in its place since.
// If that was not what we had written, they are kept, and the error is an *alteredError.
func (m *configMapStore) write(ctx context.Context, reports []report) error {
	text, err := encode(reports)
	if err != nil {
		return err
	}
	again := func(err error) bool {
		return errors.IsConflict(err) || errors.IsAlreadyExists(err) || errors.IsNotFound(err)
	}
	var replaced error
	err = retry.OnError(retry.DefaultRetry, again, func() error {
		found, err := m.own(ctx)
		if err != nil {
			return err
		}
		if found != nil {
			replaced = altered(found)
		}
		return m.put(ctx, found, text)
	})
	if err != nil {
		return m.named(err)
	}
	return replaced
}

// put replaces the ConfigMap that was found, or makes one.
func (m *configMapStore) put(ctx context.Context, found *corev1.ConfigMap, text string) error {
	next := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: m.sync.Namespace, Name: outboxName(m.sync),
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(m.sync, api.Kind)}},
		Data: map[string]string{outboxKey: text, placeKey: m.hashed()},
	}
	maps := m.maps.ConfigMaps(m.sync.Namespace)
	if found == nil {
		_, err := maps.Create(ctx, next, metav1.CreateOptions{FieldManager: ourManager})
		return err
	}
	next.UID, next.ResourceVersion = found.UID, found.ResourceVersion
	_, err := maps.Update(ctx, next, metav1.UpdateOptions{FieldManager: ourManager})
	return err
}

// named says whose outbox an error is about.
func (m *configMapStore) named(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("outbox of Sync %s/%s: %w", m.sync.Namespace, m.sync.Name, err)
}

// encode writes reports without the escapes for web pages, which would make six characters of one.
func encode(reports []report) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(reports)
	return b.String(), err
}
