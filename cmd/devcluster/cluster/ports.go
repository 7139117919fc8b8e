package cluster

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// ports hands out free ports of 127.0.0.1 that no other cluster is about to use; the locks are held until close.
type ports struct{ locks []*os.File }

func (p *ports) next() (int, error) {
	if err := os.MkdirAll(portFolder(), 0o700); err != nil {
		return 0, err
	}
	for range 100 {
		port, err := freePort()
		if err != nil {
			return 0, err
		}
		lock, err := flock(filepath.Join(portFolder(), strconv.Itoa(port)))
		if errors.Is(err, syscall.EWOULDBLOCK) {
			continue
		}
		if err != nil {
			return 0, err
		}
		p.locks = append(p.locks, lock)
		return port, nil
	}
	return 0, fmt.Errorf("no free port on 127.0.0.1 after 100 attempts")
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(port)
}

func (p *ports) close() {
	for _, lock := range p.locks {
		_ = os.Remove(lock.Name())
		lock.Close()
	}
	p.locks = nil
}
