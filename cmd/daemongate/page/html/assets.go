package html

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"path"
	"strings"
	"sync"
)

//go:embed static
var staticFiles embed.FS

// The files that the page needs, by the names under which they are asked for: each has the hash of its content in it,
// so that a browser may keep it for ever.
// They are read when somebody looks at the page for the first time: most processes of the program serve none.
var served = sync.OnceValue(func() (all servedFiles) {
	all.contents, all.hashed = assets(staticFiles)
	return all
})

type servedFiles struct {
	contents map[string][]byte
	hashed   map[string]string
}

// types are the media types of the files by how their names end.
var types = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
	".mjs": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

// assets are the contents by hashed name, and the hashed names by name, of the files that a browser may ask for.
func assets(files fs.FS) (contents map[string][]byte, hashed map[string]string) {
	contents, hashed = map[string][]byte{}, map[string]string{}
	_ = fs.WalkDir(files, ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || types[path.Ext(file)] == "" {
			return err
		}
		content, err := fs.ReadFile(files, file)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(content)
		name, ext := path.Base(file), path.Ext(file)
		as := strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:6]) + ext
		contents[as], hashed[name] = content, as
		return nil
	})
	return contents, hashed
}

// Asset is a file that the page needs, with its media type. Its name has its hash in it: it never changes.
func Asset(name string) (content []byte, mediaType string, found bool) {
	content, found = served().contents[name]
	return content, types[path.Ext(name)], found
}
