package main

import (
	"archive/tar"
	"bytes"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// user runs the program: the number that distroless images have for nonroot, and that install asks for. Kubernetes can
// see that a number is not root, and cannot see it of a name.
const user = 65532

// certificates is where Go programs look for roots on most systems. A bundle of one's own is mounted over it.
const certificates = "/etc/ssl/certs/ca-certificates.crt"

// baseIndex is what the program stands on: no system, but what a Go program looks for in one.
func baseIndex(r release, platforms []v1.Platform) (v1.ImageIndex, error) {
	license, err := os.ReadFile(filepath.Join(r.root, "LICENSE"))
	if err != nil {
		return nil, err
	}
	layer, err := layerOf(r.time, []entry{
		{path: "/etc/passwd", content: fmt.Appendf(nil, "root:x:0:0:root:/root:/sbin/nologin\n"+
			"nonroot:x:%d:%[1]d:nonroot:/home/nonroot:/sbin/nologin\n", user)},
		{path: "/etc/group", content: fmt.Appendf(nil, "root:x:0:\nnonroot:x:%d:\n", user)},
		{path: certificates, content: roots()},
		{path: "/home/nonroot", mode: 0o700, owner: user},
		{path: "/tmp", mode: 0o1777},
		{path: "/usr/share/doc/daemongate/LICENSE", content: license},
	})
	if err != nil {
		return nil, err
	}
	var base v1.ImageIndex = mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, p := range platforms {
		image, err := baseImage(r, layer, p)
		if err != nil {
			return nil, err
		}
		base = mutate.AppendManifests(base, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &p}})
	}
	return base, nil
}

func baseImage(r release, layer v1.Layer, p v1.Platform) (v1.Image, error) {
	image, err := mutate.Append(emptyImage(), mutate.Addendum{Layer: layer, History: v1.History{
		Created: v1.Time{Time: r.time}, CreatedBy: "devrelease", Comment: "certificates, passwd, home, tmp"}})
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Variant = p.OS, p.Architecture, p.Variant
	config.Config.User = fmt.Sprintf("%d:%[1]d", user)
	config.Config.WorkingDir = "/"
	config.Config.Env = []string{"PATH=/usr/bin:/bin"}
	return mutate.ConfigFile(image, config)
}

// emptyImage has no layer, and says in OCI's words what it is.
func emptyImage() v1.Image {
	return mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
}

// roots are the certificates that Mozilla trusts, of the version that go.mod names.
func roots() []byte {
	var all bytes.Buffer
	for root := range bundle.Roots() {
		_ = pem.Encode(&all, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}) // a buffer takes everything
	}
	return all.Bytes()
}

// entry is a file of a layer, or a folder where it has no content.
type entry struct {
	path    string
	content []byte
	mode    int64 // 0644 and 0755 where it is 0
	owner   int
}

// layerOf has the entries, with the folders above them, and nothing of the machine that it is made on.
func layerOf(at time.Time, entries []entry) (v1.Layer, error) {
	var text bytes.Buffer
	w := tar.NewWriter(&text)
	made := map[string]bool{"/": true}
	for _, e := range entries {
		if err := writeFolders(w, made, path.Dir(e.path), at); err != nil {
			return nil, err
		}
		made[e.path] = true
		if err := writeEntry(w, e, at); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(text.Bytes())), nil
	}, tarball.WithMediaType(types.OCILayer))
}

// writeFolders writes a folder and those above it, which are not made yet.
func writeFolders(w *tar.Writer, made map[string]bool, folder string, at time.Time) error {
	if made[folder] {
		return nil
	}
	if err := writeFolders(w, made, path.Dir(folder), at); err != nil {
		return err
	}
	made[folder] = true
	return writeEntry(w, entry{path: folder}, at)
}

func writeEntry(w *tar.Writer, e entry, at time.Time) error {
	h := &tar.Header{Name: e.path[1:], Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(e.content)), Uid: e.owner,
		Gid: e.owner, ModTime: at}
	if e.content == nil {
		h.Name, h.Typeflag, h.Mode = h.Name+"/", tar.TypeDir, 0o755
	}
	if e.mode != 0 {
		h.Mode = e.mode
	}
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	_, err := w.Write(e.content)
	return err
}
