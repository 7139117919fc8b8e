package dump

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// How large a file may be, in bytes. JSON is read object by object; YAML can only be read whole, and takes many times
// its size.
const (
	maxDumpJSON = 2 << 30
	maxDumpYAML = 64 << 20
)

// readFile reads one file, of whatever sort.
func (d *dumped) readFile(f File) error {
	in := bufio.NewReaderSize(f, 64<<10)
	first, err := firstByte(in)
	switch {
	case errors.Is(err, io.EOF):
		return errors.New("is empty")
	case err != nil:
		return err
	case first == '{':
		return d.readJSON(&limited{Reader: in, left: maxDumpJSON, limit: "2 GiB"}, "", kind{})
	}
	return d.readYAML(&limited{Reader: in, left: maxDumpYAML, limit: "64 MiB; JSON may be larger"})
}

// firstByte looks past spaces and a byte order mark.
func firstByte(in *bufio.Reader) (byte, error) {
	for {
		r, _, err := in.ReadRune()
		switch {
		case err != nil:
			return 0, err
		case r == '\ufeff' || unicode.IsSpace(r):
			continue
		}
		return byte(r), in.UnreadRune()
	}
}

// limited reads only so much, and says so instead of pretending to be at the end.
type limited struct {
	io.Reader
	left  int64
	limit string
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, errors.New("is larger than " + l.limit)
	}
	n, err := l.Reader.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	return n, err
}

// readYAML reads the documents of a YAML file.
func (d *dumped) readYAML(in io.Reader) error {
	documents := utilyaml.NewYAMLReader(bufio.NewReader(in))
	for i := 1; ; i++ {
		text, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		where := fmt.Sprintf("document %d: ", i)
		object, err := yaml.YAMLToJSONStrict(text)
		if err != nil {
			return fmt.Errorf("%s%w", where, firstLine(err))
		}
		if string(bytes.TrimSpace(object)) == "null" {
			continue // comments only
		}
		var list kind // YAML's fields are sorted by now: the items come before the kind
		if err := json.Unmarshal(object, &list); err != nil {
			return fmt.Errorf("%s%w", where, err)
		}
		if err := d.readJSON(bytes.NewReader(object), where, list); err != nil {
			return err
		}
	}
}

// firstLine cuts an error that has a line for each place in a file.
func firstLine(err error) error {
	line, rest, _ := strings.Cut(strings.Replace(err.Error(), ":\n  ", ": ", 1), "\n")
	if rest == "" {
		return errors.New(line)
	}
	return errors.New(line + " …")
}

// readJSON reads one JSON object after the other. where is the beginning of error texts, list what is known of a List
// beforehand.
func (d *dumped) readJSON(in io.Reader, where string, list kind) error {
	decoder := json.NewDecoder(in)
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return at(where, decoder, err)
		}
		if token != json.Delim('{') {
			return at(where, decoder, errors.New("want a List or an object of Kubernetes"))
		}
		if err := d.readTop(decoder, where, list); err != nil {
			return err
		}
	}
}

// readTop reads the rest of an object. The items of a List are taken one by one, so that no more than one of them is
// held as text.
func (d *dumped) readTop(decoder *json.Decoder, where string, list kind) error {
	fields := map[string]json.RawMessage{}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return at(where, decoder, err)
		}
		key, _ := token.(string)
		if key == "items" {
			if err := d.readItems(decoder, where, itemKind(list)); err != nil {
				return err
			}
			continue
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return at(where, decoder, err)
		}
		fields[key] = value
		switch key {
		case "kind":
			list.Kind = text(value)
		case "apiVersion":
			list.APIVersion = text(value)
		}
	}
	if _, err := decoder.Token(); err != nil {
		return at(where, decoder, err)
	}
	if strings.HasSuffix(list.Kind, "List") {
		return nil
	}
	object, err := json.Marshal(fields)
	if err != nil {
		return at(where, decoder, err)
	}
	if err := d.add(object, kind{}); err != nil {
		return fmt.Errorf("%s%w", where, err)
	}
	return nil
}

// readItems reads the value of items.
func (d *dumped) readItems(decoder *json.Decoder, where string, implied kind) error {
	token, err := decoder.Token()
	if err != nil {
		return at(where, decoder, err)
	}
	if token == nil { // null: an empty list
		return nil
	}
	if token != json.Delim('[') {
		return at(where, decoder, errors.New("items is not a list"))
	}
	for i := 1; decoder.More(); i++ {
		var item json.RawMessage
		if err := decoder.Decode(&item); err != nil {
			return at(where, decoder, err)
		}
		if err := d.add(item, implied); err != nil {
			return fmt.Errorf("%sitem %d: %w", where, i, err)
		}
	}
	if _, err := decoder.Token(); err != nil {
		return at(where, decoder, err)
	}
	return nil
}

// itemKind is what the items of a typed list are, such as a PodList's, which do not say it themselves.
func itemKind(list kind) kind {
	name, isList := strings.CutSuffix(list.Kind, "List")
	if !isList || name == "" {
		return kind{}
	}
	return kind{Kind: name, APIVersion: list.APIVersion}
}

func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// at says where in the input an error was found.
func at(where string, decoder *json.Decoder, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("ends in the middle of an object")
	}
	return fmt.Errorf("%sat byte %d: %w", where, decoder.InputOffset(), err)
}
