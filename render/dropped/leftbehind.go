package dropped

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/daemongate/daemongate/render/yamlfile"
)

// references to objects that have another name or namespace now. kustomize knows some fields that hold such; here any
// field counts that says by its name, or by a kind beside it, what it refers to.
type referrers struct {
	*history
	old    map[string][]*tracked      // by each name that one had
	there  map[yamlfile.Identity]bool // what came out
	holder *unstructured.Unstructured
	found  []string
}

// leftBehind are the references to what objects were called before.
func (h *history) leftBehind(objects []*unstructured.Unstructured) []string {
	r := &referrers{history: h, old: map[string][]*tracked{}, there: map[yamlfile.Identity]bool{}}
	for _, t := range h.all {
		if t.final == nil || len(t.ids) == 1 {
			continue
		}
		for i, id := range t.ids {
			if !slices.ContainsFunc(t.ids[:i], func(before location) bool { return before.name == id.name }) {
				r.old[id.name] = append(r.old[id.name], t)
			}
		}
	}
	if len(r.old) == 0 {
		return nil
	}
	for _, o := range objects {
		r.there[yamlfile.IdentityOf(o)] = true
	}
	for _, o := range objects {
		r.holder = o
		secret := o.GetKind() == "Secret"
		for key, value := range o.Object {
			if key == "metadata" {
				r.annotations(o.GetAnnotations())
			} else if key != "status" && !(secret && strings.HasSuffix(strings.ToLower(key), "data")) {
				r.walk(spotIn{path: key, key: key}, value)
			}
		}
	}
	return r.found
}

// spotIn is where a value stands in an object.
type spotIn struct {
	path    string
	key     string         // that it stands under; of an element of a list that of the list
	within  string         // the key of the map that it stands in
	beside  map[string]any // that map
	volumes any            // of the pod that it is in
}

// local are the lists of a pod whose elements have names of their own.
var local = []string{"containers", "initContainers", "ephemeralContainers", "volumes", "volumeMounts", "volumeDevices",
	"resourceClaims", "claims", "ports", "env"}

// values are the maps whose keys are anybody's.
var values = []string{"matchLabels", "labels", "nodeSelector", "data", "binaryData", "annotations"}

func (r *referrers) walk(at spotIn, value any) {
	if !r.spend(1) {
		return
	}
	switch value := value.(type) {
	case map[string]any:
		volumes := at.volumes
		if _, pod := value["containers"].([]any); pod {
			volumes = value["volumes"]
		}
		for key, below := range value {
			next := spotIn{at.path + "." + key, key, at.key, value, volumes}
			if text, ok := below.(string); ok && slices.Contains(values, at.key) {
				r.text(next, text)
				continue
			}
			r.walk(next, below)
		}
	case []any:
		for i, below := range value {
			next := at
			next.path = at.path + "[" + strconv.Itoa(i) + "]"
			r.walk(next, below)
		}
	case string:
		if !r.text(at, value) {
			r.refer(at, value)
		}
	}
}

// refer warns of a field that refers to an object by a name that it had.
func (r *referrers) refer(at spotIn, name string) {
	for _, t := range r.old[name] {
		if !at.refersTo(t.gvk.Kind) || at.ofPod(name) {
			continue
		}
		namespace, given := at.namespace()
		if !given {
			namespace = t.final.GetNamespace()
			if own := r.holder.GetNamespace(); own != "" && namespace != "" && own != namespace ||
				name == t.final.GetName() {
				continue
			}
		}
		if r.gone(t, location{namespace, name}, given) {
			r.tell(at, fmt.Sprintf("%s %s", t.gvk.Kind, strings.TrimPrefix(namespace+"/"+name, "/")), t)
			return
		}
	}
}

// gone reports whether nothing is called so any more, and the object was.
func (r *referrers) gone(t *tracked, id location, exact bool) bool {
	now := yamlfile.IdentityOf(t.final)
	was := yamlfile.Identity{GroupKind: now.GroupKind, Namespace: id.namespace, Name: id.name}
	if r.there[was] || id.same(location{now.Namespace, now.Name}) {
		return false
	}
	return slices.ContainsFunc(t.ids, func(before location) bool {
		return before.name == id.name && (!exact || before.same(id))
	})
}

func (r *referrers) tell(at spotIn, called string, t *tracked) {
	r.found = append(r.found, fmt.Sprintf("%s: %s names %s, which is called %s now, and kustomize does not follow "+
		"there: %swrite that name, or use a replacement",
		yamlfile.IdentityOf(r.holder), at.path, called,
		strings.TrimPrefix(t.final.GetNamespace()+"/"+t.final.GetName(), "/"), r.place()))
}

// place says in which file the object that holds a reference is.
func (r *referrers) place() string {
	for _, t := range r.all {
		if t.final != r.holder || t.file == "" {
			continue
		}
		_, line := r.sourceNode(t)
		return fmt.Sprintf("in %s (line %d) ", t.file, line)
	}
	return ""
}

// refersTo reports whether a field refers to a kind, by what it is called and what stands beside it.
func (at spotIn) refersTo(kind string) bool {
	if at.within == "fileKeyRef" && at.key == "volumeName" {
		return true // of any kind: it can only be meant for a volume of the pod
	}
	if at.within == "grpc" {
		return false // a probe's service is what it asks the health service about
	}
	if at.key != "name" && at.key != "names" {
		return means(at.key, kind)
	}
	if beside, ok := at.beside["kind"].(string); ok {
		return beside == kind
	}
	return !slices.Contains(local, at.within) && means(at.within, kind)
}

// called are fields whose names do not say what they refer to.
var called = map[string]string{
	"claim": "persistentvolumeclaim", "volume": "persistentvolume", "driver": "csidriver", "provisioner": "csidriver",
}

// means reports whether a field that is called so refers to a kind: secretName, nodePublishSecretRef and
// imagePullSecrets to a Secret.
func means(field, kind string) bool {
	kind = strings.ToLower(kind)
	field = strings.ToLower(strings.NewReplacer("-", "", "_", "", ".", "", "/", "").Replace(field))
	for _, end := range []string{"names", "name", "keyref", "references", "reference", "refs", "ref", "selector"} {
		if cut, ok := strings.CutSuffix(field, end); ok && cut != "" {
			field = cut
			break
		}
	}
	return called[field] == kind || strings.HasSuffix(field, kind) ||
		strings.HasSuffix(strings.TrimSuffix(field, "s"), kind)
}

// ofPod reports whether a name is that of a volume of the pod itself.
func (at spotIn) ofPod(name string) bool {
	list, _ := at.volumes.([]any)
	return at.key == "volumeName" && slices.ContainsFunc(list, func(v any) bool {
		volume, _ := v.(map[string]any)
		return volume["name"] == name
	})
}

// namespace is the one that stands beside a name.
func (at spotIn) namespace() (string, bool) {
	for _, key := range []string{
		strings.TrimSuffix(at.key, "Name") + "Namespace", strings.TrimSuffix(at.key, "name") + "namespace",
	} {
		if namespace, ok := at.beside[key].(string); ok {
			return namespace, true
		}
	}
	return "", false
}

var (
	user = regexp.MustCompile(`^system:serviceaccount:([a-z0-9-]+):([a-z0-9.-]+)$`)
	host = regexp.MustCompile(`\b([a-z0-9-]+)\.([a-z0-9-]+)\.svc\b`)
)

// text warns of what refers to an object of a namespace as text: the user that a ServiceAccount is, the host that a
// Service is.
func (r *referrers) text(at spotIn, value string) bool {
	if found := user.FindStringSubmatch(value); found != nil {
		r.moved(at, "ServiceAccount", location{found[1], found[2]})
		return true
	}
	if strings.Contains(value, ".svc") {
		for _, found := range host.FindAllStringSubmatch(value, -1) {
			r.moved(at, "Service", location{found[2], found[1]})
		}
	}
	return false
}

// annotations can name an object as namespace/name.
func (r *referrers) annotations(all map[string]string) {
	for key, value := range all {
		at := spotIn{path: "metadata.annotations." + key}
		if namespace, name, ok := strings.Cut(value, "/"); ok {
			r.moved(at, "", location{namespace, name})
		}
		r.text(at, value)
	}
}

// moved warns of a namespace and name that an object of a kind, or any, had and has no longer.
func (r *referrers) moved(at spotIn, kind string, id location) {
	for _, t := range r.old[id.name] {
		explicit := slices.Contains(t.ids, id)
		if explicit && (kind == "" || t.gvk.Kind == kind) && r.gone(t, id, true) {
			r.tell(at, fmt.Sprintf("%s %s/%s", t.gvk.Kind, id.namespace, id.name), t)
			return
		}
	}
}
