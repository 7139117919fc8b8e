// Command devrelease makes what a release consists of beside the binaries: the container image, without Docker and
// without a registry, and the bill of materials of a binary. It is a module of its own, so that ko and CycloneDX do not
// get among the dependencies of Daemongate.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const usage = `usage: devrelease image -out FILE [-root FOLDER] [-version VERSION] [-revision COMMIT] [-platforms OS/ARCH,…]
       devrelease sbom -out FILE [-version VERSION] BINARY

image builds the container image by .ko.yaml, as an OCI archive; sbom lists the modules of a binary in CycloneDX.
Times are those of the environment's SOURCE_DATE_EPOCH, in seconds since 1970.`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "devrelease:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New(usage)
	}
	r := release{}
	flags := flag.NewFlagSet("devrelease "+args[0], flag.ContinueOnError)
	out := flags.String("out", "", "file to write")
	flags.StringVar(&r.root, "root", ".", "folder of the repository")
	flags.StringVar(&r.version, "version", "unknown", "version")
	flags.StringVar(&r.revision, "revision", "", "commit")
	platforms := flags.String("platforms", "", "platforms to build for (default: those of .ko.yaml)")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	r.platforms = strings.FieldsFunc(*platforms, func(c rune) bool { return c == ',' })
	var err error
	if r.time, err = epoch(os.Getenv("SOURCE_DATE_EPOCH")); err != nil {
		return err
	}
	if *out == "" {
		return errors.New("-out: say which file to write\n" + usage)
	}
	switch {
	case args[0] == "image" && flags.NArg() == 0:
		return writeImage(ctx, r, *out)
	case args[0] == "sbom" && flags.NArg() == 1:
		bom, err := billOf(flags.Arg(0), r)
		if err != nil {
			return err
		}
		return write(*out, bom)
	}
	return errors.New(usage)
}

// release is what a build is told about itself.
type release struct {
	root      string // folder of the repository
	version   string
	revision  string   // commit; empty where Git knows of none
	platforms []string // to build for; those of .ko.yaml if empty
	time      time.Time
}

// epoch reads SOURCE_DATE_EPOCH (reproducible-builds.org); without it every time is 1970.
func epoch(text string) (time.Time, error) {
	if text == "" {
		return time.Unix(0, 0).UTC(), nil
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH=%q: want seconds since 1970", text)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

func write(file string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, content, 0o644)
}

func writeImage(ctx context.Context, r release, file string) error {
	index, err := buildImage(ctx, r)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := archive(index, r, file); err != nil {
		return err
	}
	digest, err := index.Digest()
	if err != nil {
		return err
	}
	fmt.Printf("%s %s\n", file, digest)
	return nil
}
