package source

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/gitsource"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// noteSource says whether the repository could be polled.
func noteSource(s *api.SyncStatus, generation int64, err error, polled bool, now time.Time) {
	condition := metav1.Condition{Type: api.ConditionSource, Status: metav1.ConditionTrue, Reason: api.ReasonPolled,
		Message:            "the repository answers",
		ObservedGeneration: generation, LastTransitionTime: metav1.NewTime(now)}
	switch {
	case gitsource.IsMistake(err):
		condition.Status, condition.Reason = metav1.ConditionFalse, api.ReasonSourceInvalid
		condition.Message = api.TextOf(err)
	case err != nil:
		condition.Status, condition.Reason = metav1.ConditionFalse, api.ReasonPollFailed
		condition.Message = api.TextOf(err)
	case !polled:
		return
	}
	meta.SetStatusCondition(&s.Conditions, condition)
}
