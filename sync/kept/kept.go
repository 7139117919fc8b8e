// Package kept keeps what is to be told of a Sync over a restart, in ConfigMaps beside it. Only what we have written
// there ourselves is believed, and nothing of others is overwritten.
package kept

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

// The keys of a ConfigMap: what is to be told, as JSON, and a hash of the place that it goes to.
const (
	ContentKey = "outbox.json"
	PlaceKey   = "place"
)

// Store keeps a value, as JSON, in the ConfigMap of a Sync that is named by a suffix. It has to take less than the
// megabyte that a ConfigMap may have.
type Store struct {
	Maps   typedv1.ConfigMapsGetter
	Sync   *api.Sync
	Suffix string // of the ConfigMap's name, as in -outbox
	// Place is where it goes to: what was kept for another place is not for this one. It may be secret.
	Place string
	// What is kept, in the plural, and Instead what is told if others have written it.
	What, Instead string
}

func (m *Store) name() string { return m.Sync.Name + m.Suffix }

// Hashed is the place without what may be secret in it.
func (m *Store) Hashed() string {
	sum := sha256.Sum256([]byte(m.Place))
	return hex.EncodeToString(sum[:16])
}

// ForeignError says that the ConfigMap of the name is not the Sync's own.
type ForeignError struct{ namespace, name, sync, what string }

func (e *ForeignError) Error() string {
	return fmt.Sprintf("ConfigMap %s/%s is not owned by Sync %s, so it is neither read nor overwritten: %s go on "+
		"without it, but a restart may forget some or send them again; delete or rename it",
		e.namespace, e.name, e.sync, e.what)
}

// AlteredError says that somebody else has written what is kept.
type AlteredError struct{ namespace, name, by, instead string }

func (e *AlteredError) Error() string {
	return fmt.Sprintf("ConfigMap %s/%s was changed by somebody else (field manager %s): what it says is thrown away, "+
		"and %s", e.namespace, e.name, e.by, e.instead)
}

// ourManager is by which name we write.
const ourManager = "daemongate"

// altered says that somebody else has written the content, if so. Who calls himself as we do is not seen.
func (m *Store) altered(found *corev1.ConfigMap) error {
	for _, f := range found.ManagedFields {
		if f.Manager == ourManager || f.FieldsV1 == nil {
			continue
		}
		if wrote := f.FieldsV1.GetRawString(); strings.Contains(wrote, `"f:`+ContentKey+`"`) ||
			strings.Contains(wrote, `"f:`+PlaceKey+`"`) {
			return &AlteredError{found.Namespace, found.Name, f.Manager, m.Instead}
		}
	}
	return nil
}

// own returns the Sync's ConfigMap, nil if there is none. One that the Sync does not control, by its UID, is an error.
func (m *Store) own(ctx context.Context) (*corev1.ConfigMap, error) {
	found, err := m.Maps.ConfigMaps(m.Sync.Namespace).Get(ctx, m.name(), metav1.GetOptions{})
	switch {
	case errors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, err
	case !metav1.IsControlledBy(found, m.Sync):
		return nil, &ForeignError{namespace: m.Sync.Namespace, name: m.name(), sync: m.Sync.Name, what: m.What}
	}
	return found, nil
}

// Read reads what is kept for this place into a value, and reports whether there is any that can be trusted. The error
// is an *AlteredError if somebody else has written it.
func (m *Store) Read(ctx context.Context, into any) (bool, error) {
	found, err := m.own(ctx)
	if foreign := (*ForeignError)(nil); found == nil && (err == nil || stderrors.As(err, &foreign)) {
		return false, nil
	}
	if err != nil {
		return false, m.named(err)
	}
	if err := m.altered(found); err != nil {
		return false, err
	}
	return found.Data[PlaceKey] == m.Hashed() && json.Unmarshal([]byte(found.Data[ContentKey]), into) == nil, nil
}

// Write keeps a value. It replaces what it has seen to be the Sync's own, and nothing that came in its place since. If
// that was not what we had written, the value is kept, and the error is an *AlteredError; it is a *ForeignError, and
// nothing is kept, if the ConfigMap is somebody else's.
func (m *Store) Write(ctx context.Context, value any) error {
	text, err := Encode(value)
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
			replaced = m.altered(found)
		}
		return m.put(ctx, found, text)
	})
	if err != nil {
		return m.named(err)
	}
	return replaced
}

// put replaces the ConfigMap that was found, or makes one.
func (m *Store) put(ctx context.Context, found *corev1.ConfigMap, text string) error {
	next := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: m.Sync.Namespace, Name: m.name(),
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(m.Sync, api.Kind)}},
		Data: map[string]string{ContentKey: text, PlaceKey: m.Hashed()},
	}
	maps := m.Maps.ConfigMaps(m.Sync.Namespace)
	if found == nil {
		_, err := maps.Create(ctx, next, metav1.CreateOptions{FieldManager: ourManager})
		return err
	}
	next.UID, next.ResourceVersion = found.UID, found.ResourceVersion
	_, err := maps.Update(ctx, next, metav1.UpdateOptions{FieldManager: ourManager})
	return err
}

// named says whose an error is about.
func (m *Store) named(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s of Sync %s/%s: %w", strings.TrimPrefix(m.Suffix, "-"), m.Sync.Namespace, m.Sync.Name, err)
}

// Encode writes a value without the escapes for web pages, which would make six characters of one.
func Encode(value any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(value)
	return b.String(), err
}
