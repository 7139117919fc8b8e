package lease

import (
	"context"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordination "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// kept is one Lease as an API server keeps it, for all processes.
type kept struct {
	coordination.LeaseInterface
	lease *coordinationv1.Lease
}

func (k *kept) Leases(string) coordination.LeaseInterface { return k }

func (k *kept) Get(context.Context, string, metav1.GetOptions) (*coordinationv1.Lease, error) {
	if k.lease == nil {
		return nil, apierrors.NewNotFound(leases, "daemongate")
	}
	return k.lease.DeepCopy(), nil
}

func (k *kept) Create(ctx context.Context, l *coordinationv1.Lease, _ metav1.CreateOptions) (*coordinationv1.Lease, error) {
	return k.Update(ctx, l, metav1.UpdateOptions{})
}

func (k *kept) Update(_ context.Context, l *coordinationv1.Lease, _ metav1.UpdateOptions) (*coordinationv1.Lease, error) {
	k.lease = l.DeepCopy()
	return l, nil
}

// locker is a process' sight of a Lease, with the address at which that process is reached.
func (k *kept) locker(identity, address string) (*addresses, *resourcelock.LeaseLock) {
	a := &addresses{LeasesGetter: k, identity: identity}
	if address != "" {
		a.own = netip.MustParseAddrPort(address)
	}
	return a, &resourcelock.LeaseLock{Client: a, LockConfig: resourcelock.ResourceLockConfig{Identity: identity}}
}

// Who waits knows where the holder is: from the first time that it reads the Lease, until that is let go or another
// process has it, also one that knows nothing of addresses and leaves what it finds.
func TestWhoWaitsKnowsWhereTheHolderIs(t *testing.T) {
	k := &kept{}
	waiting, looks := k.locker("pod-b_1_B", "10.0.0.2:9292")
	first, holder := k.locker("pod-a_1_A", "10.0.0.1:9292")
	_, laptop := k.locker("laptop_7_C", "")
	held := func(by string) resourcelock.LeaderElectionRecord {
		return resourcelock.LeaderElectionRecord{HolderIdentity: by, LeaseDurationSeconds: 15}
	}
	older := &resourcelock.LeaseLock{Client: k} // does not know of addresses
	take := func(by *resourcelock.LeaseLock, identity string) func() error {
		return func() error {
			if _, _, err := by.Get(t.Context()); err != nil {
				return err
			}
			return by.Update(t.Context(), held(identity))
		}
	}
	for _, step := range []struct {
		what string
		do   func() error
		want string
	}{
		{"nobody holds it", func() error { return nil }, ""},
		{"it is taken", func() error { return holder.Create(t.Context(), held("pod-a_1_A")) }, "10.0.0.1:9292"},
		{"it is renewed", take(holder, "pod-a_1_A"), "10.0.0.1:9292"},
		{"an older controller takes it", take(older, "older_1_D"), ""},
		{"it is taken again", take(holder, "pod-a_1_A"), "10.0.0.1:9292"},
		{"it is let go", func() error { return holder.Update(t.Context(), held("")) }, ""},
		{"who is not to be reached takes it", take(laptop, "laptop_7_C"), ""},
		{"it is taken once more", take(holder, "pod-a_1_A"), "10.0.0.1:9292"},
		{"it is deleted", func() error { k.lease = nil; return nil }, ""},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		_, _, _ = looks.Get(t.Context()) // there may be none
		_, _, _ = holder.Get(t.Context())
		at, known := waiting.another()
		if known != (step.want != "") || known && at.String() != step.want {
			t.Errorf("%s: the holder is at %s, %t", step.what, at, known)
		}
		if at, known := first.another(); known {
			t.Errorf("%s: the holder waits for %s", step.what, at)
		}
		if step.want == "" && k.lease != nil && step.what != "an older controller takes it" &&
			k.lease.Annotations[addressAnnotation] != "" {
			t.Errorf("%s: the address is still there: %v", step.what, k.lease.Annotations)
		}
	}
}

// The Lease tells which version holds it, and of a holder that does not say, or of nobody, none.
func TestTheLeaseTellsItsHoldersVersion(t *testing.T) {
	k := &kept{}
	first, holder := k.locker("pod-a_1_A", "")
	first.version = "v1.2.3"
	_, silent := k.locker("pod-b_1_B", "")
	older := &resourcelock.LeaseLock{Client: k} // does not know of versions
	for _, step := range []struct {
		by                      *resourcelock.LeaseLock
		identity, want, version string
	}{
		{holder, "pod-a_1_A", "pod-a_1_A", "v1.2.3"},
		{older, "older_1_D", "older_1_D", ""},
		{holder, "pod-a_1_A", "pod-a_1_A", "v1.2.3"},
		{silent, "pod-b_1_B", "pod-b_1_B", ""},
		{holder, "pod-a_1_A", "pod-a_1_A", "v1.2.3"},
		{holder, "", "", ""},
	} {
		if k.lease != nil {
			if _, _, err := step.by.Get(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		write := step.by.Update
		if k.lease == nil {
			write = step.by.Create
		}
		if err := write(t.Context(), resourcelock.LeaderElectionRecord{HolderIdentity: step.identity,
			LeaseDurationSeconds: 15}); err != nil {
			t.Fatal(err)
		}
		if who, version := Holder(k.lease); who != step.want || version != step.version {
			t.Errorf("held by %q: %q, %q", step.identity, who, version)
		}
	}
}

// Whoever may write the Lease has no other places called than those of pods and machines, and who does not say where it
// is calls nobody.
func TestNotEveryAddressIsCalled(t *testing.T) {
	for _, c := range []struct {
		own, text string
		called    bool
	}{
		{"10.0.0.2:9292", "pod-a_1_A 10.0.0.1:9292", true},
		{"[fd00::2]:9292", "pod-a_1_A [fd00::1]:9292", true},
		{"127.0.0.1:9292", "pod-a_1_A 127.0.0.1:9293", true},
		{"", "pod-a_1_A 10.0.0.1:9292", false},
		{"10.0.0.2:9292", "pod-a_1_A 127.0.0.1:9292", false},
		{"10.0.0.2:9292", "pod-a_1_A [::1]:9292", false},
		{"10.0.0.2:9292", "pod-a_1_A [::ffff:127.0.0.1]:9292", false},
		{"127.0.0.1:9292", "pod-a_1_A 10.0.0.1:9292", false},
		{"10.0.0.2:9292", "pod-a_1_A 169.254.169.254:80", false},
		{"10.0.0.2:9292", "pod-a_1_A [fe80::1%eth0]:80", false},
		{"10.0.0.2:9292", "pod-a_1_A 0.0.0.0:9292", false},
		{"10.0.0.2:9292", "pod-a_1_A 224.0.0.1:9292", false},
		{"10.0.0.2:9292", "pod-a_1_A 10.0.0.1:0", false},
		{"10.0.0.2:9292", "pod-a_1_A metadata.internal:80", false},
		{"10.0.0.2:9292", "pod-a_1_A 10.0.0.1", false},
		{"10.0.0.2:9292", "pod-c_1_C 10.0.0.1:9292", false},
		{"10.0.0.2:9292", "10.0.0.1:9292", false},
		{"10.0.0.2:9292", "", false},
	} {
		a := &addresses{identity: "pod-b_1_B"}
		if c.own != "" {
			a.own = netip.MustParseAddrPort(c.own)
		}
		l := &coordinationv1.Lease{Spec: coordinationv1.LeaseSpec{HolderIdentity: new("pod-a_1_A")}}
		metav1.SetMetaDataAnnotation(&l.ObjectMeta, addressAnnotation, c.text)
		a.note(l)
		if at, known := a.another(); known != c.called {
			t.Errorf("%s calls %s, which the Lease says as %q: %t", c.own, at, c.text, known)
		}
	}
}

// Who waits says so while it could take the Lease. It does not before it has read it, once the API server has been
// silent for too long, when it holds the Lease itself, and when it never will.
func TestWhoWaitsSaysWhetherItCould(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		if newLease(&client{store: s, name: "pod_1_A"}, 15*time.Second, func(string) {}).Waits() == nil {
			t.Error("could take what it has not read")
		}
		first := s.start(t, "pod-a_1_A", 0)
		pass(time.Second)
		second := s.start(t, "pod-b_1_B", 0)
		waits := func(what string, want bool) {
			t.Helper()
			if err := second.lease.Waits(); (err == nil) != want {
				t.Errorf("%s: %v", what, err)
			}
		}
		pass(time.Minute)
		waits("another one holds it", true)
		if first.lease.Waits() == nil {
			t.Error("the holder waits")
		}
		s.set(func(s *store) { s.down = true })
		pass(5 * time.Second)
		waits("the API server is silent for a moment", true)
		pass(10 * time.Second)
		waits("the API server is silent", false)
		<-first.ended
		s.set(func(s *store) { s.down = false })
		pass(time.Second)
		waits("it holds the Lease itself", false)
		if err := second.lease.Holds(); err != nil {
			t.Errorf("it did not take over: %v", err)
		}
		second.stop()
		<-second.ended
		waits("it was stopped", false)
	})
}
