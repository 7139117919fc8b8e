package remote

import (
	"errors"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// A connection that was idle for almost as long as it may be silent has its time again when a request is written, for
// whoever waits for the answer has done so since the one before. Without an answer it is given up after that time.
func TestARequestStartsTheTimeOfSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, server := net.Pipe()
		defer server.Close()
		c := &rolling{Conn: ours, idle: DefaultIdle}
		defer c.Close()
		read := make(chan error)
		go func() {
			for {
				_, err := c.Read(make([]byte, 1))
				read <- err
				if err != nil {
					return
				}
			}
		}()
		exchange := func() {
			t.Helper()
			go func() { _, _ = server.Read(make([]byte, 1)) }()
			if _, err := c.Write([]byte("?")); err != nil {
				t.Fatal(err)
			}
		}
		for range 3 {
			time.Sleep(DefaultIdle - time.Second)
			exchange()
			time.Sleep(DefaultIdle - time.Second)
			go func() { _, _ = server.Write([]byte("!")) }()
			if err := <-read; err != nil {
				t.Fatalf("an answer within the time after its request: %v", err)
			}
		}
		exchange()
		began := time.Now()
		if err := <-read; !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != DefaultIdle {
			t.Errorf("without an answer: %v after %s", err, time.Since(began))
		}
	})
}
