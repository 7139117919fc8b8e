package sync

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

// overrideAnnotation holds an api.Override as JSON.
const overrideAnnotation = "daemongate.io/override-window"

var fullHash = regexp.MustCompile(`^[0-9a-f]{40}$`)

// overrideOf reads the override that a person asked for, nil if none did.
func overrideOf(s *api.Sync) (*api.Override, error) {
	text := s.Annotations[overrideAnnotation]
	if text == "" {
		return nil, nil
	}
	v := &api.Override{}
	err := json.Unmarshal([]byte(text), v)
	switch {
	case err != nil:
	case !fullHash.MatchString(v.Commit):
		err = fmt.Errorf("its commit %q is not a full hash", v.Commit)
	case strings.TrimSpace(v.Reason) == "":
		err = fmt.Errorf("it gives no reason")
	}
	if err != nil {
		return nil, fmt.Errorf("the annotation %s cannot be read: %w", overrideAnnotation, err)
	}
	return v, nil
}

// atTheGate adds to an observation what the clock and a person say.
func (l *syncLoop) atTheGate(o *gate.Observation) {
	o.Window = l.openings.Look(l.sync, o.Now)
	v, err := overrideOf(l.sync)
	if o.Override = v; err != nil && o.Window.Closed != "" {
		o.Window.Closed += "; " + api.Public(err.Error())
	}
}

// Override lets one commit start outside the windows, once.
func (s *Syncs) Override(ctx context.Context, namespace, name string, v api.Override) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return s.annotate(ctx, namespace, name, overrideAnnotation, string(text))
}
