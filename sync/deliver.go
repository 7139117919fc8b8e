package sync

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// outboxKey is the key of the ConfigMap that holds the letters.
const outboxKey = "outbox.json"

// openOutbox reads a Sync's outbox and begins to deliver. What the status remembers is put into it: a crash
// between the status and the outbox loses nothing. A Sync that reports nowhere has none.
func (c *Controller) openOutbox(ctx context.Context, l *lane) error {
	reporter, err := c.Connect.Reporter(ctx, l.sync)
	if err != nil || reporter == nil {
		return err
	}
	letters, err := c.readLetters(ctx, l.sync)
	if err != nil {
		return err
	}
	l.outbox = newOutbox(letters)
	l.outbox.put(c.statuses(l, recorded(l.sync)))
	s := l.sync.DeepCopy()
	l.background.Go(func() { c.deliver(l.life, s, l.outbox, reporter) })
	return nil
}

// deliver saves and sends letters until the lane ends. Trouble is told once and tried again, with growing pauses.
func (c *Controller) deliver(ctx context.Context, s *api.Sync, b *outbox, reporter Reporter) {
	for failures := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-b.news:
		}
		err := c.deliverOnce(ctx, s, b, reporter)
		if err == nil {
			failures = 0
			continue
		}
		if failures++; failures == 1 && ctx.Err() == nil {
			c.Tell.Trouble(s, fmt.Errorf("report: %w", err))
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(backoff(failures, time.Second, 5*time.Minute)):
			b.ring()
		}
	}
}

func (c *Controller) deliverOnce(ctx context.Context, s *api.Sync, b *outbox, reporter Reporter) error {
	all, undelivered, unsaved := b.snapshot()
	if unsaved {
		if err := c.writeLetters(ctx, s, all); err != nil {
			return err
		}
		b.saved(all)
	}
	if len(undelivered) == 0 {
		return nil
	}
	if err := reporter.Report(ctx, undelivered); err != nil {
		return err
	}
	b.delivered(undelivered)
	return nil
}

func outboxName(s *api.Sync) string { return s.Name + "-outbox" }

func (c *Controller) readLetters(ctx context.Context, s *api.Sync) ([]letter, error) {
	m, err := c.ConfigMaps.ConfigMaps(s.Namespace).Get(ctx, outboxName(s), metav1.GetOptions{})
	if errors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("outbox of Sync %s/%s: %w", s.Namespace, s.Name, err)
	}
	var letters []letter
	if err := json.Unmarshal([]byte(m.Data[outboxKey]), &letters); err != nil {
		// Nothing in it can be trusted; what the status remembers is reported again.
		return nil, nil
	}
	return letters, nil
}

func (c *Controller) writeLetters(ctx context.Context, s *api.Sync, letters []letter) error {
	data, err := json.Marshal(letters)
	if err != nil {
		return err
	}
	m := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: outboxName(s),
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(s, api.Kind)}},
		Data: map[string]string{outboxKey: string(data)},
	}
	maps := c.ConfigMaps.ConfigMaps(s.Namespace)
	_, err = maps.Update(ctx, m, metav1.UpdateOptions{})
	if errors.IsNotFound(err) {
		_, err = maps.Create(ctx, m, metav1.CreateOptions{})
	}
	if err != nil {
		return fmt.Errorf("outbox of Sync %s/%s: %w", s.Namespace, s.Name, err)
	}
	return nil
}
