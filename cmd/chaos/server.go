package main

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// server is one of 127.0.0.1 whose connections can be cut.
type server struct {
	url   string
	inner *http.Server

	mu    sync.Mutex
	conns map[net.Conn]bool
}

func serve(h http.Handler) (*server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &server{url: "http://" + listener.Addr().String(), conns: map[net.Conn]bool{}}
	s.inner = &http.Server{Handler: h, ReadHeaderTimeout: time.Minute, ConnState: s.note}
	go func() { _ = s.inner.Serve(listener) }() // until it is closed
	return s, nil
}

func (s *server) note(c net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if state == http.StateClosed || state == http.StateHijacked {
		delete(s.conns, c)
	} else {
		s.conns[c] = true
	}
}

// cut ends all connections. New ones are taken.
func (s *server) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		_ = c.Close()
	}
}

func (s *server) close() { _ = s.inner.Close() }
