package stop

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
)

// manager is the field manager by whose name the API server records who turned the switch by Daemongate's command.
const manager = "daemongate"

// errMeanwhile says that somebody else has made the ConfigMap since it was looked for.
var errMeanwhile = errors.New("somebody else turned it meanwhile")

// Turn turns the switch on or off, in the name of who says to be by. It returns what it says then, and whether that is
// a change.
func (s *Switch) Turn(ctx context.Context, on bool, by, why string) (now State, changed bool, err error) {
	err = retry.OnError(retry.DefaultRetry, func(err error) bool {
		return apierrors.IsConflict(err) || errors.Is(err, errMeanwhile)
	}, func() (err error) {
		now, changed, err = s.turn(ctx, on, by, why)
		return err
	})
	if apierrors.IsForbidden(err) {
		err = fmt.Errorf("%w; whoever may get, create and update it turns the switch: Role daemongate-stop of "+
			"namespace %s, which is installed, lets whom it is bound to", err, s.namespace)
	}
	return now, changed, err
}

func (s *Switch) turn(ctx context.Context, on bool, by, why string) (State, bool, error) {
	maps := s.client.ConfigMaps(s.namespace)
	m, err := maps.Get(ctx, s.name, metav1.GetOptions{})
	there := !apierrors.IsNotFound(err)
	if there && err != nil {
		return State{}, false, fmt.Errorf("read the stop switch, %s: %w", s, err)
	}
	if !there {
		m = nil
	}
	if before := stateOf(m); before.On == on {
		return before, false, nil
	}
	if m == nil {
		m = &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: s.name}}
	}
	m.Data = map[string]string{keySuspended: fmt.Sprint(on), keyBy: by, keyReason: why}
	if there {
		m, err = maps.Update(ctx, m, metav1.UpdateOptions{FieldManager: manager})
	} else {
		m, err = maps.Create(ctx, m, metav1.CreateOptions{FieldManager: manager})
	}
	switch {
	case apierrors.IsAlreadyExists(err):
		return State{}, false, errMeanwhile
	case err != nil:
		return State{}, false, fmt.Errorf("turn the stop switch, %s: %w", s, err)
	}
	return stateOf(m), true, nil
}
