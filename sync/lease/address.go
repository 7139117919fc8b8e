package lease

import (
	"context"
	"net/netip"
	"strings"
	gosync "sync"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordination "k8s.io/client-go/kubernetes/typed/coordination/v1"
)

// addressAnnotation is where a holder writes its address on the Lease: its identity, a space, and IP:port. A holder
// that knows nothing of it leaves what it finds there, which then names somebody who is not the holder.
const addressAnnotation = "daemongate.io/holder-address"

// versionAnnotation is where it writes which version it is, likewise.
const versionAnnotation = "daemongate.io/holder-version"

// Holder is who holds a Lease, and which version of Daemongate that is; empty if nobody holds it, or it does not say.
func Holder(l *coordinationv1.Lease) (identity, version string) {
	if l.Spec.HolderIdentity == nil {
		return "", ""
	}
	return *l.Spec.HolderIdentity, of(l, versionAnnotation)
}

// of is what the holder of a Lease has written into an annotation.
func of(l *coordinationv1.Lease, annotation string) string {
	who, text, _ := strings.Cut(l.Annotations[annotation], " ")
	if who != *l.Spec.HolderIdentity {
		return ""
	}
	return text
}

// addresses writes this process' address on every Lease that it writes as the holder, takes it off when it lets go, and
// notes the address of another holder whenever a Lease is read. So neither costs a request.
type addresses struct {
	coordination.LeasesGetter
	identity string
	own      netip.AddrPort // not valid if others shall not reach this process
	version  string         // of this process

	mu     gosync.Mutex
	holder netip.AddrPort
}

// Leases are those of a namespace.
func (a *addresses) Leases(namespace string) coordination.LeaseInterface {
	return &addressedLeases{a.LeasesGetter.Leases(namespace), a}
}

// another is the address of another process that holds the Lease, as it was read last.
func (a *addresses) another() (netip.AddrPort, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.holder, a.holder.IsValid()
}

// note remembers whom a Lease names, nil if there is none.
func (a *addresses) note(l *coordinationv1.Lease) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.holder = netip.AddrPort{}
	if l == nil || l.Spec.HolderIdentity == nil || *l.Spec.HolderIdentity == a.identity {
		return
	}
	at, err := netip.ParseAddrPort(of(l, addressAnnotation))
	if err == nil && alike(a.own, at) {
		a.holder = at
	}
}

// alike reports whether a process at an address of one's own may be sent to another one: the address of a pod or a
// machine, and one of this machine's own only from another of its own. Whoever may write the Lease has nothing else
// called.
func alike(own, other netip.AddrPort) bool {
	ip := other.Addr().Unmap()
	return own.IsValid() && other.Port() != 0 && ip.IsLoopback() == own.Addr().Unmap().IsLoopback() &&
		!ip.IsUnspecified() && !ip.IsMulticast() && !ip.IsLinkLocalUnicast() && ip.Zone() == ""
}

// sign puts the address and the version on a Lease that is about to be written, or takes off what is there.
func (a *addresses) sign(l *coordinationv1.Lease) {
	delete(l.Annotations, addressAnnotation)
	delete(l.Annotations, versionAnnotation)
	if l.Spec.HolderIdentity == nil || *l.Spec.HolderIdentity != a.identity {
		return
	}
	if a.own.IsValid() {
		metav1.SetMetaDataAnnotation(&l.ObjectMeta, addressAnnotation, a.identity+" "+a.own.String())
	}
	if a.version != "" {
		metav1.SetMetaDataAnnotation(&l.ObjectMeta, versionAnnotation, a.identity+" "+a.version)
	}
}

type addressedLeases struct {
	coordination.LeaseInterface
	addresses *addresses
}

// Get notes the holder's address.
func (k *addressedLeases) Get(ctx context.Context, name string, o metav1.GetOptions) (*coordinationv1.Lease, error) {
	l, err := k.LeaseInterface.Get(ctx, name, o)
	switch {
	case err == nil:
		k.addresses.note(l)
	case apierrors.IsNotFound(err):
		k.addresses.note(nil)
	}
	return l, err
}

// Create writes this process' address.
func (k *addressedLeases) Create(ctx context.Context, l *coordinationv1.Lease, o metav1.CreateOptions) (
	*coordinationv1.Lease, error) {
	k.addresses.sign(l)
	return k.LeaseInterface.Create(ctx, l, o)
}

// Update writes this process' address, or takes it off.
func (k *addressedLeases) Update(ctx context.Context, l *coordinationv1.Lease, o metav1.UpdateOptions) (
	*coordinationv1.Lease, error) {
	k.addresses.sign(l)
	return k.LeaseInterface.Update(ctx, l, o)
}
