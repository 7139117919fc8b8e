package dense

import (
	"reflect"
	"strings"
	"testing"
	"unsafe"

	"k8s.io/apimachinery/pkg/types"
)

type inner struct {
	Text string
	UID  types.UID
}

type whole struct {
	Text   string
	Empty  string
	List   []inner
	Ptr    *inner
	None   *inner
	Map    map[string]string
	Deep   map[string][]inner
	Fixed  [2]string
	Bytes  []byte
	Any    any
	hidden string
}

func example() *whole {
	s := strings.Clone // each is an allocation of its own, as in what is decoded
	return &whole{Text: s("text"), List: []inner{{s("a"), types.UID(s("uid"))}, {s("text"), ""}}, Ptr: &inner{Text: s("ptr")},
		Map: map[string]string{s("key"): s("text"), s(""): s("")}, Deep: map[string][]inner{s("deep"): {{Text: s("key")}}},
		Fixed: [2]string{s("one"), s("text")}, Bytes: []byte("bytes"), Any: s("text"), hidden: s("hidden")}
}

// A value says the same as before, and its strings lie in one piece, equal ones in the same place.
func TestAValueIsTheSameInOnePiece(t *testing.T) {
	v, want := example(), example()
	Of(v)
	if !reflect.DeepEqual(v, want) {
		t.Fatalf("%+v\nwant\n%+v", v, want)
	}
	var texts []string
	texts = append(texts, v.Text, v.List[0].Text, string(v.List[0].UID), v.List[1].Text, v.Ptr.Text, v.Fixed[0], v.Fixed[1])
	for key, value := range v.Map {
		texts = append(texts, key, value)
	}
	for key, list := range v.Deep {
		texts = append(texts, key, list[0].Text)
	}
	first, last, distinct := ^uintptr(0), uintptr(0), map[string]uintptr{}
	for _, s := range texts {
		if s == "" {
			continue
		}
		at := uintptr(unsafe.Pointer(unsafe.StringData(s)))
		first, last = min(first, at), max(last, at+uintptr(len(s)))
		if before, is := distinct[s]; is && before != at {
			t.Errorf("%q is there twice", s)
		}
		distinct[s] = at
	}
	size := 0
	for s := range distinct {
		size += len(s)
	}
	if int(last-first) != size {
		t.Errorf("%d bytes of strings lie within %d", size, last-first)
	}
}

// What has no strings stays as it is.
func TestNothingIsLaid(t *testing.T) {
	(&Texts{}).Lay()
	empty := &whole{}
	Of(empty)
	if !reflect.DeepEqual(empty, &whole{}) {
		t.Errorf("%+v", empty)
	}
}
