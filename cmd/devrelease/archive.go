package main

import (
	"archive/tar"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
)

// archive writes an OCI image layout as a tar file, which skopeo, podman and containerd read. Its one entry has the
// version as its name.
func archive(index v1.ImageIndex, r release, file string) error {
	folder, err := os.MkdirTemp("", "devrelease-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	l, err := layout.Write(folder, empty.Index)
	if err != nil {
		return err
	}
	named := layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": r.version})
	if err := l.AppendIndex(index, named); err != nil {
		return err
	}
	return tarOf(folder, r, file)
}

// tarOf writes the files below a folder, in the order of their names, as if they were made at one time by root.
func tarOf(folder string, r release, file string) (err error) {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() {
		if closing := f.Close(); err == nil {
			err = closing
		}
	}()
	w := tar.NewWriter(f)
	err = fs.WalkDir(os.DirFS(folder), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == "." {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if d.IsDir() {
			return w.WriteHeader(&tar.Header{Name: path + "/", Typeflag: tar.TypeDir, Mode: 0o755, ModTime: r.time})
		}
		if err := w.WriteHeader(&tar.Header{Name: path, Typeflag: tar.TypeReg, Mode: 0o644, Size: info.Size(),
			ModTime: r.time}); err != nil {
			return err
		}
		from, err := os.Open(filepath.Join(folder, path))
		if err != nil {
			return err
		}
		defer func() { _ = from.Close() }()
		_, err = io.Copy(w, from)
		return err
	})
	if err != nil {
		return err
	}
	return w.Close()
}
