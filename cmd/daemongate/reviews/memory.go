package reviews

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	gosync "sync"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// What is remembered of each kind of answer at most, and how many questions are asked at once.
const (
	mostRemembered = 5000
	mostAtOnce     = 8
)

// Memory asks, and remembers each answer for a short while: a right that is taken away is gone after that. Who comes
// with tokens that are none can have a few questions asked at once, and no more.
type Memory struct {
	kube   kubernetes.Interface
	now    func() time.Time
	lasts  time.Duration
	asking chan struct{}

	mu     gosync.Mutex
	owners map[sum]remembered[*authenticationv1.UserInfo] // by the sum of the token
	may    map[sum]remembered[bool]                       // by the sum of who and what
}

type sum [sha256.Size]byte

type remembered[T any] struct {
	is T
	at time.Time
}

// NewMemory remembers answers for as long as is said.
func NewMemory(kube kubernetes.Interface, now func() time.Time, lasts time.Duration) *Memory {
	return &Memory{kube: kube, now: now, lasts: lasts, asking: make(chan struct{}, mostAtOnce),
		owners: map[sum]remembered[*authenticationv1.UserInfo]{}, may: map[sum]remembered[bool]{}}
}

// Owner is whose a token is, nil if it is nobody's.
func (m *Memory) Owner(ctx context.Context, token string) (*authenticationv1.UserInfo, error) {
	return remember(ctx, m, m.owners, sha256.Sum256([]byte(token)), func() (*authenticationv1.UserInfo, error) {
		return Owner(ctx, m.kube, token)
	})
}

// May reports whether somebody may do something to an object.
func (m *Memory) May(ctx context.Context, who *authenticationv1.UserInfo,
	what authorizationv1.ResourceAttributes) (bool, error) {
	asked := authorizationv1.SubjectAccessReviewSpec{ResourceAttributes: &what}
	key, err := json.Marshal([]any{who, what})
	if err != nil {
		return false, err
	}
	return remember(ctx, m, m.may, sha256.Sum256(key), func() (bool, error) { return May(ctx, m.kube, who, asked) })
}

// Self reports whether whoever asks may do something to an object.
func (m *Memory) Self(ctx context.Context, what authorizationv1.ResourceAttributes) (bool, error) {
	key, err := json.Marshal(what)
	if err != nil {
		return false, err
	}
	return remember(ctx, m, m.may, sha256.Sum256(key), func() (bool, error) {
		review, err := m.kube.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx,
			&authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
				ResourceAttributes: &what}}, metav1.CreateOptions{})
		if err != nil {
			return false, fmt.Errorf("review the caller's own access: %w", err)
		}
		return review.Status.Allowed, nil
	})
}

// remember returns an answer that is young enough, or asks. An error is not remembered.
func remember[T any](ctx context.Context, m *Memory, answers map[sum]remembered[T], key sum,
	ask func() (T, error)) (T, error) {
	m.mu.Lock()
	known, found := answers[key]
	m.mu.Unlock()
	if found && m.now().Sub(known.at) < m.lasts {
		return known.is, nil
	}
	var none T
	select {
	case m.asking <- struct{}{}:
		defer func() { <-m.asking }()
	case <-ctx.Done():
		return none, ctx.Err()
	}
	at := m.now()
	answer, err := ask()
	if err != nil {
		return none, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(answers) >= mostRemembered {
		clear(answers)
	}
	answers[key] = remembered[T]{is: answer, at: at}
	return answer, nil
}
