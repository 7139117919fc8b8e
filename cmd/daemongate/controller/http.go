package controller

import (
	"container/list"
	"io"
	"net"
	"net/http"
	"net/http/pprof" //nolint:gosec // the mux that it adds itself to is served nowhere
	"runtime"
	gosync "sync"
	"time"
)

// serveAll serves each handler at its address, until the returned function is called; none where the address is empty.
func serveAll(handlers map[string]http.Handler) (closeAll func(), err error) {
	var closes []func()
	closeAll = func() {
		for _, one := range closes {
			one()
		}
	}
	for address, handler := range handlers {
		if address == "" {
			continue
		}
		one, err := serveHTTP(address, handler)
		if err != nil {
			closeAll()
			return nil, err
		}
		closes = append(closes, one)
	}
	return closeAll, nil
}

// readiness says what the controller does, or why it can do nothing.
type readiness interface{ Ready() (role, error) }

// addProbes answers the kubelet: alive is who serves; ready is who works, or stands by and can take over.
func addProbes(mux *http.ServeMux, syncs readiness) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		does, err := syncs.Ready()
		if err != nil {
			say(w, http.StatusServiceUnavailable, err.Error())
			return
		}
		say(w, http.StatusOK, string(does))
	})
}

// Profiles shows what the process does with its time and memory, as go tool pprof reads it. Whoever sees it sees the
// command line and where the program is, but nothing that is in its memory. From then on what is allocated is sampled,
// which costs some megabytes: the program begins without that.
func Profiles() http.Handler {
	runtime.MemProfileRate = sampled
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

// sampled is of how many allocated bytes one is noted: Go's own measure, unless GODEBUG says otherwise. It is read
// before main has nothing sampled.
var sampled = runtime.MemProfileRate

// maxConnections is how many connections a server has at once.
const maxConnections = 512

// newServer cuts off who sends slowly, and who has been there longest when there are too many.
func newServer(handler http.Handler) *http.Server {
	c := &crowd{at: map[net.Conn]*list.Element{}}
	return &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: time.Minute,
		WriteTimeout: 75 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 32 << 10, ConnState: c.note}
}

// crowd bounds the connections of a server. Who comes when there are too many takes the place of who came first, so
// that those who do nothing keep nobody out, a probe of the kubelet least of all.
type crowd struct {
	mu  gosync.Mutex
	all list.List // of net.Conn, the oldest first
	at  map[net.Conn]*list.Element
}

// note follows what becomes of a connection.
func (c *crowd) note(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateNew:
		c.at[conn] = c.all.PushBack(conn)
		if c.all.Len() <= maxConnections {
			return
		}
		if oldest, ok := c.all.Front().Value.(net.Conn); ok {
			c.drop(oldest)
			_ = oldest.Close() // its server's part ends with an error
		}
	case http.StateClosed, http.StateHijacked:
		c.drop(conn)
	}
}

func (c *crowd) drop(conn net.Conn) {
	if e := c.at[conn]; e != nil {
		c.all.Remove(e)
		delete(c.at, conn)
	}
}

// serveHTTP listens, in the background, until the returned function is called.
func serveHTTP(address string, handler http.Handler) (closeAll func(), err error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	server := newServer(handler)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(listener) // ends with the close below
	}()
	return func() { _ = server.Close(); <-ended }, nil
}

func say(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, text+"\n") // who went away does not hear it
}
