package main

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/ko/pkg/build"
)

// binary is where ko puts the program, and bill where its bill of materials is: scanners of images know it by its name.
const (
	binary = "/ko-app/daemongate"
	bill   = "/usr/share/doc/daemongate/daemongate.cdx.json"
)

// buildImage has ko build the program for each platform of .ko.yaml, on a base that is made here, and adds what each
// one is made of.
func buildImage(ctx context.Context, r release) (v1.ImageIndex, error) {
	config, err := readKo(r.root)
	if err != nil {
		return nil, err
	}
	if len(r.platforms) > 0 {
		config.DefaultPlatforms = r.platforms
	}
	platforms, err := config.platforms()
	if err != nil {
		return nil, err
	}
	base, err := baseIndex(r, platforms)
	if err != nil {
		return nil, err
	}
	if err := checkEnvironment(); err != nil {
		return nil, err
	}
	ko, err := build.NewGo(ctx, r.root, options(r, config, base)...)
	if err != nil {
		return nil, err
	}
	reference, err := ko.QualifyImport(config.importPath())
	if err != nil {
		return nil, err
	}
	built, err := ko.Build(ctx, reference)
	if err != nil {
		return nil, err
	}
	return complete(built, platforms, r)
}

// checkEnvironment refuses variables that ko would hand to every build, whatever its platform.
func checkEnvironment() error {
	for _, name := range []string{"GOOS", "GOARCH", "GOAMD64", "GOARM64"} {
		if value := os.Getenv(name); value != "" {
			return fmt.Errorf("%s=%s is in the environment: unset it, .ko.yaml or -platforms say what is built", name,
				value)
		}
	}
	return nil
}

// options are what ko's command line would take from .ko.yaml, its flags and the environment.
func options(r release, c *koConfig, base v1.ImageIndex) []build.Option {
	one := c.Builds[0]
	one.Env = append(slices.Clone(one.Env), "VERSION="+r.version)
	all := []build.Option{
		build.WithBaseImages(func(context.Context, string) (name.Reference, build.Result, error) {
			scratch, err := name.ParseReference("scratch")
			return scratch, base, err
		}),
		build.WithPlatforms(c.DefaultPlatforms...),
		build.WithConfig(map[string]build.Config{c.importPath(): one}),
		build.WithTrimpath(true),
		build.WithCreationTime(v1.Time{Time: r.time}),
		build.WithKoDataCreationTime(v1.Time{Time: r.time}),
		build.WithDisabledSBOM(), // its own is about the image, and would stand beside it
		build.WithJobs(1),        // the compiler uses every processor
	}
	for key, value := range labels(r) {
		all = append(all, build.WithLabel(key, value))
	}
	return all
}

// labels are those of the OCI image specification.
func labels(r release) map[string]string {
	l := map[string]string{
		"org.opencontainers.image.title":       "Daemongate",
		"org.opencontainers.image.description": "A GitOps reconciler for DaemonSets",
		"org.opencontainers.image.source":      "https://" + module,
		"org.opencontainers.image.licenses":    "Apache-2.0",
		"org.opencontainers.image.version":     r.version,
		"org.opencontainers.image.created":     r.time.Format("2006-01-02T15:04:05Z"),
	}
	if r.revision != "" {
		l["org.opencontainers.image.revision"] = r.revision
	}
	return l
}

// complete makes an index of the images that ko has built, each with its bill of materials.
func complete(built build.Result, platforms []v1.Platform, r release) (v1.ImageIndex, error) {
	images, err := imagesOf(built)
	if err != nil {
		return nil, err
	}
	if len(images) != len(platforms) {
		return nil, fmt.Errorf("ko has built %d images for %d platforms", len(images), len(platforms))
	}
	var all v1.ImageIndex = mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for i, image := range images {
		image, err := withBill(image, r)
		if err != nil {
			return nil, err
		}
		described := v1.Descriptor{Platform: &platforms[i]}
		all = mutate.AppendManifests(all, mutate.IndexAddendum{Add: image, Descriptor: described})
	}
	return all, nil
}

// imagesOf are those of an index, in its order; for one platform ko makes no index.
func imagesOf(built build.Result) ([]v1.Image, error) {
	switch b := built.(type) {
	case v1.ImageIndex:
		manifest, err := b.IndexManifest()
		if err != nil {
			return nil, err
		}
		var images []v1.Image
		for _, m := range manifest.Manifests {
			image, err := b.Image(m.Digest)
			if err != nil {
				return nil, err
			}
			images = append(images, image)
		}
		return images, nil
	case v1.Image:
		return []v1.Image{b}, nil
	default:
		return nil, fmt.Errorf("ko has built a %T", built)
	}
}

// withBill is an image with its bill of materials as a further layer. It is made anew, because ko names the base in
// annotations, by which tools look for a newer one in a registry.
func withBill(image v1.Image, r release) (v1.Image, error) {
	text, err := billOfImage(image, r)
	if err != nil {
		return nil, err
	}
	layer, err := layerOf(r.time, []entry{{path: bill, content: text}})
	if err != nil {
		return nil, err
	}
	image, err = mutate.Append(image, mutate.Addendum{Layer: layer, History: v1.History{
		Created: v1.Time{Time: r.time}, CreatedBy: "devrelease", Comment: "bill of materials, at " + bill}})
	if err != nil {
		return nil, err
	}
	layers, err := image.Layers()
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	plain, err := mutate.AppendLayers(emptyImage(), layers...)
	if err != nil {
		return nil, err
	}
	return mutate.ConfigFile(plain, config)
}

// billOfImage lists what the program of an image is made of.
func billOfImage(image v1.Image, r release) ([]byte, error) {
	folder, err := os.MkdirTemp("", "devrelease-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	file := filepath.Join(folder, filepath.Base(binary)) // the bill has its name
	if err := extract(image, binary, file); err != nil {
		return nil, err
	}
	return billOf(file, r)
}

// extract writes one file of an image to disk.
func extract(image v1.Image, path, to string) error {
	files := mutate.Extract(image)
	defer func() { _ = files.Close() }()
	for t := tar.NewReader(files); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("the image has no %s", path)
		}
		if err != nil {
			return err
		}
		if filepath.Join("/", h.Name) != path {
			continue
		}
		f, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o700)
		if err != nil {
			return err
		}
		if _, err := io.Copy(f, t); err != nil {
			_ = f.Close()
			return err
		}
		return f.Close()
	}
}
