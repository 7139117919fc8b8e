package clusters

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// The reasons of the conditions of a Sync whose cluster cannot be used.
const (
	// invalid is a kubeconfig that a person has to put right.
	invalid = "KubeConfigInvalid"
	// unreachable is a cluster that does not answer, which is asked again.
	unreachable = "ClusterUnreachable"
	// refused is one that does not take the credentials, and forbidden one that does not grant what they need.
	refused   = "ClusterUnauthorized"
	forbidden = "ClusterForbidden"
)

const triedAgain = "; it is asked again, with pauses of up to a minute"

// barredBy is why a Sync may not be written that an error tells of, which is the error itself if it says so.
func barredBy(err error) *sync.Barred {
	var b *sync.Barred
	if errors.As(err, &b) {
		return b
	}
	return &sync.Barred{Reason: unreachable, Passes: true,
		Message: fmt.Sprintf("spec.apply.kubeConfig: %s%s", api.TextOf(err), triedAgain)}
}

// away says why a cluster did not tell which one it is.
func (c *Connection) away(err error) *sync.Barred {
	switch {
	case apierrors.IsUnauthorized(err):
		return &sync.Barred{Reason: refused, Message: fmt.Sprintf("the cluster %s refuses the credentials in the "+
			"kubeconfig of spec.apply.kubeConfig (401 Unauthorized): they have expired, or were taken back; put "+
			"new ones into the Secret", c.host)}
	case apierrors.IsForbidden(err):
		return &sync.Barred{Reason: forbidden, Message: fmt.Sprintf("the user of the kubeconfig of "+
			"spec.apply.kubeConfig may not get namespace kube-system in the cluster %s, by which clusters are told "+
			"apart, so it is not used: bind the ClusterRole that docs/operate.md shows under Remote clusters", c.host)}
	case apierrors.IsNotFound(err):
		return &sync.Barred{Reason: unreachable, Passes: true, Message: fmt.Sprintf("what answers at %s has no "+
			"namespace kube-system: is it a Kubernetes API server?%s", c.host, triedAgain)}
	}
	return &sync.Barred{Reason: unreachable, Passes: true,
		Message: fmt.Sprintf("the cluster %s cannot be reached: %s%s", c.host, because(err), triedAgain)}
}

// because is an error without what is different each time, such as the ports of connections: conditions tell it. It has
// no words of whatever answers at the address: who may write a kubeconfig may not read all that the controller can.
func because(err error) string {
	var (
		name    *net.DNSError
		unknown x509.UnknownAuthorityError
		dialing *net.OpError
		address *url.Error
		network net.Error
		answer  apierrors.APIStatus
	)
	switch {
	case errors.As(err, &answer):
		code := int(answer.Status().Code)
		return strings.TrimSpace(fmt.Sprintf("the answer is %d %s", code, http.StatusText(code)))
	case errors.As(err, &name):
		return fmt.Sprintf("the name %s cannot be resolved", name.Name)
	case errors.As(err, &unknown):
		return "its certificate is not signed by the certificate-authority-data of the kubeconfig"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return fmt.Sprintf("no answer within %s", identifyTime)
	case errors.As(err, &dialing):
		return api.TextOf(dialing.Err)
	case errors.As(err, &address):
		return api.TextOf(address.Err)
	}
	return "the answer is no namespace kube-system: is it a Kubernetes API server?"
}
