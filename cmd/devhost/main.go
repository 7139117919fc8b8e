// Command devhost runs a real Git host on this machine, for tests and the demo: Gitea with an administrator and a
// token, reachable on 127.0.0.1 over http and ssh. Everything in it is new at every start and gone at the end.
//
// It stays in the foreground. The line "devhost ready {…}" on stdout says, as JSON, how to reach it.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "devhost:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("devhost", flag.ContinueOnError)
	dir := flags.String("dir", "", "an empty folder for all that the host keeps (default: a temporary one)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if *dir == "" {
		if *dir, err = os.MkdirTemp("", "devhost-"); err != nil {
			return err
		}
		defer os.RemoveAll(*dir)
	}
	h := host{dir: *dir, home: filepath.Dir(self)}
	info, err := h.start(ctx)
	if err != nil {
		return err
	}
	defer h.stop()
	line, err := json.Marshal(info)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "devhost ready %s\n", line)
	return h.wait(ctx)
}
