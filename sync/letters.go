package sync

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

// The keys of the ConfigMap that holds the letters: the letters, and a hash of the place they go to.
const (
	outboxKey = "outbox.json"
	placeKey  = "place"
)

// configMapLetters keeps letters in a ConfigMap beside the Sync. A thousand of them take less than the megabyte that
// it may have: a description has 140 characters at most, and what is the same in all of them is not written down.
type configMapLetters struct {
	maps  typedv1.ConfigMapsGetter
	sync  *api.Sync
	place string
}

func outboxName(s *api.Sync) string { return s.Name + "-outbox" }

// hashed is the place without what may be secret in it.
func (m *configMapLetters) hashed() string {
	sum := sha256.Sum256([]byte(m.place))
	return hex.EncodeToString(sum[:16])
}

// read returns the letters to this place; none if they cannot be trusted, or went to another one.
func (m *configMapLetters) read(ctx context.Context) ([]letter, error) {
	found, err := m.maps.ConfigMaps(m.sync.Namespace).Get(ctx, outboxName(m.sync), metav1.GetOptions{})
	if errors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("outbox of Sync %s/%s: %w", m.sync.Namespace, m.sync.Name, err)
	}
	var letters []letter
	if found.Data[placeKey] != m.hashed() || json.Unmarshal([]byte(found.Data[outboxKey]), &letters) != nil {
		return nil, nil
	}
	return letters, nil
}

func (m *configMapLetters) write(ctx context.Context, letters []letter) error {
	text, err := encode(letters)
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

// encode writes letters without the escapes for web pages, which would make six characters of one.
func encode(letters []letter) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(letters)
	return b.String(), err
}
