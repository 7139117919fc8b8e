package manifests

import (
	"fmt"
	"net/http"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// BenchmarkWatchesOfAThousand is what a thousand Syncs cost that watch a ConfigMap each, in 100 namespaces: with the
// rights of one account, and as the named baseline each with those of its own, where nothing can be shared.
func BenchmarkWatchesOfAThousand(b *testing.B) {
	const syncs, spaces = 1000, 100
	w := newWorld(b)
	check := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	var inventories []Inventory
	var owners []Owner
	for i := range syncs {
		namespace := fmt.Sprint(w.ns, "-", i%spaces)
		if i < spaces {
			_, err := w.kube.CoreV1().Namespaces().Create(w.ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}},
				metav1.CreateOptions{})
			check(err)
			b.Cleanup(func() { _ = w.kube.CoreV1().Namespaces().Delete(w.ctx, namespace, metav1.DeleteOptions{}) })
		}
		owner := Owner{Namespace: namespace, Name: fmt.Sprint("agents-", i)}
		_, err := w.kube.CoreV1().ConfigMaps(namespace).Create(w.ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
			Name: owner.Name, Labels: map[string]string{OwnerLabel: owner.Label()}}}, metav1.CreateOptions{})
		check(err)
		owners = append(owners, owner)
		inventories = append(inventories, Inventory{{ID: ID{Kind: "ConfigMap", Namespace: namespace, Name: owner.Name},
			Version: "v1"}})
	}
	measure := func(accounts int) (megabytes, goroutines, requests float64) {
		var asked atomic.Int64
		var clients []*Client
		for range accounts {
			config := rest.CopyConfig(w.config)
			config.Wrap(func(next http.RoundTripper) http.RoundTripper { return counts{next, &asked} })
			client, err := NewClient(config)
			check(err)
			client.mapper = w.client.mapper
			clients = append(clients, client)
		}
		before, running := inUse(), runtime.NumGoroutine()
		watches := make([]*Watch, syncs)
		for i, owner := range owners {
			watches[i] = clients[i%accounts].Watch(owner, func() {})
			check(watches[i].Follow(w.ctx, inventories[i]))
		}
		for i, watch := range watches {
			for end := time.Now().Add(5 * time.Minute); ; time.Sleep(10 * time.Millisecond) {
				if _, read := watch.Seen(inventories[i][0].ID); read {
					break
				}
				if time.Now().After(end) {
					b.Fatalf("%s is not seen: %v", inventories[i][0].ID, watch.Trouble())
				}
			}
		}
		time.Sleep(gathering)
		megabytes, goroutines = float64(inUse()-before)/1e6, float64(runtime.NumGoroutine()-running)
		for _, watch := range watches {
			watch.Stop()
		}
		return megabytes, goroutines, float64(asked.Load())
	}
	for b.Loop() {
		aloneMB, aloneGoroutines, aloneRequests := measure(syncs)
		mb, goroutines, requests := measure(1)
		b.Logf("alone: %.0f MB, %.0f goroutines, %.0f requests; shared: %.1f MB, %.0f, %.0f", aloneMB, aloneGoroutines,
			aloneRequests, mb, goroutines, requests)
		b.ReportMetric(mb/aloneMB, "MB/alone")
		b.ReportMetric(goroutines/aloneGoroutines, "goroutines/alone")
		b.ReportMetric(requests/aloneRequests, "requests/alone")
		b.ReportMetric(goroutines, "goroutines")
		b.ReportMetric(mb, "MB")
		b.ReportMetric(requests, "requests")
	}
}

// gathering is a while in which watches that are not needed any more have ended.
const gathering = 3 * time.Second

func inUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

// counts counts requests.
type counts struct {
	next http.RoundTripper
	n    *atomic.Int64
}

func (c counts) RoundTrip(r *http.Request) (*http.Response, error) {
	c.n.Add(1)
	return c.next.RoundTrip(r)
}
