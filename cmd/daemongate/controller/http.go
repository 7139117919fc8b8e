package controller

import (
	"io"
	"net"
	"net/http"
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

// readiness says why the controller does not work, if so.
type readiness interface{ Ready() error }

// addProbes answers the kubelet: alive is who serves, also while another controller holds the Lease; ready is who
// works.
func addProbes(mux *http.ServeMux, syncs readiness) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := syncs.Ready(); err != nil {
			say(w, http.StatusServiceUnavailable, err.Error())
			return
		}
		say(w, http.StatusOK, "ok")
	})
}

// newServer cuts off who sends slowly.
func newServer(handler http.Handler) *http.Server {
	return &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: time.Minute,
		WriteTimeout: 75 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 32 << 10}
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
