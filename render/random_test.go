package render_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing/fstest"
)

// maker makes random trees of kustomizations, in which names collide and refer to each other often.
type maker struct {
	*rand.Rand
	files  fstest.MapFS
	count  int
	tame   bool // no conflicts, and nothing that is rendered as a whole
	listed []listed
}

// listed is an object that was declared.
type listed struct{ kind, name, namespace string }

func randomTree(seed uint64) (files fstest.MapFS, tame bool) {
	m := randomMaker(seed)
	return m.files, m.tame
}

func randomMaker(seed uint64) *maker {
	m := &maker{Rand: rand.New(rand.NewPCG(seed, 14)), files: fstest.MapFS{}}
	m.tame = seed%3 > 0
	m.folder("prod", 1+m.IntN(2), false)
	return m
}

// edit changes a file, as a commit would.
func (m *maker) edit() {
	name := m.one(slices.Sorted(maps.Keys(m.files))...)
	text := string(m.files[name].Data)
	switch base := path.Base(name); {
	case base == "kustomization.yaml" && m.chance(50):
		text += m.one("# nothing", "nameSuffix: -s", "buildMetadata: []", "namespace: n2") + "\n"
	case base == "kustomization.yaml":
		text = strings.Replace(text, m.one("namePrefix: ", "n1", "v2", "a=", "true", "l: "), m.one("", "namePrefix: a"), 1)
	case strings.HasPrefix(base, "objects") && m.chance(50):
		text += "---\n" + m.object()
	case strings.HasPrefix(base, "objects"):
		text = strings.Replace(text, m.name(), m.name(), m.IntN(3))
	default:
		text = strings.Replace(text, "text", "other text", 1)
	}
	m.write(name, text)
}

func (m *maker) write(name, text string) { m.files[name] = &fstest.MapFile{Data: []byte(text)} }

func (m *maker) one(of ...string) string { return of[m.IntN(len(of))] }

func (m *maker) chance(percent int) bool { return m.IntN(100) < percent }

// name is one of a few, so that there are references, and, unless the tree is tame, conflicts.
func (m *maker) name() string {
	return m.one("a", "b", "c", "web", "agent", "x-a", "a-x", "web-y", "default")
}

func (m *maker) fresh() string {
	if !m.tame && m.chance(30) {
		return m.name()
	}
	m.count++
	return m.name() + m.one("", "-", "-z") + fmt.Sprint(m.count)
}

// mentioned is a name that somebody may have.
func (m *maker) mentioned() string {
	if len(m.listed) == 0 || m.chance(20) {
		return m.name()
	}
	return m.listed[m.IntN(len(m.listed))].name
}

// folder makes a kustomization, or a component, with what it lists.
func (m *maker) folder(folder string, depth int, component bool) {
	var k strings.Builder
	before := len(m.listed)
	if component {
		k.WriteString("apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n")
	}
	list := func(field string, entries []string) {
		if len(entries) > 0 {
			fmt.Fprintf(&k, "%s:\n- %s\n", field, strings.Join(entries, "\n- "))
		}
	}
	var resources, components []string
	count := m.IntN(3) + 1
	if component && m.chance(50) {
		count = 0
	}
	for i := range count {
		if depth > 0 && m.chance(30) {
			below := fmt.Sprintf("base%d", i)
			m.folder(path.Join(folder, below), depth-1, false)
			resources = append(resources, below)
			continue
		}
		file := fmt.Sprintf("objects%d.yaml", i)
		m.write(path.Join(folder, file), m.objects())
		resources = append(resources, file)
	}
	if depth > 0 && m.chance(35) {
		m.folder(path.Join(folder, "extra"), depth-1, true)
		components = append(components, "extra")
	}
	list("resources", resources)
	list("components", components)
	list("configMapGenerator", m.generators(folder, "ConfigMap"))
	if m.chance(20) {
		list("secretGenerator", m.generators(folder, "Secret"))
	}
	list("patches", m.patches(folder, m.listed[before:]))
	k.WriteString(m.fields())
	m.write(path.Join(folder, "kustomization.yaml"), k.String())
}

func (m *maker) fields() (text string) {
	maybe := func(percent int, field string) {
		if m.chance(percent) {
			text += field + "\n"
		}
	}
	maybe(30, "namespace: "+m.one("n1", "n3", "web"))
	maybe(35, "namePrefix: "+m.one("x-", "a-", "web-"))
	maybe(20, "nameSuffix: "+m.one("-y", "-x"))
	maybe(25, "labels: [{pairs: {l: "+m.mentioned()+"}, includeSelectors: "+m.one("true", "false")+"}]")
	maybe(15, "commonLabels: {team: "+m.mentioned()+"}")
	maybe(25, "commonAnnotations: {nginx.ingress.kubernetes.io/fastcgi-params-configmap: "+m.mentioned()+", b: c}")
	maybe(25, "images: [{name: web, newName: example.com/web, newTag: v2}, {name: agent, digest: sha256:0123}]")
	maybe(15, "generatorOptions: {disableNameSuffixHash: "+m.one("true", "false")+", labels: {g: o}}")
	if m.tame {
		return text
	}
	maybe(4, "replicas: [{name: "+m.mentioned()+", count: 3}]")
	maybe(4, "sortOptions: {order: legacy}")
	maybe(3, "buildMetadata: [originAnnotations]")
	maybe(3, "replacements: [{source: {kind: ConfigMap, name: "+m.mentioned()+", fieldPath: metadata.name}, targets: "+
		"[{select: {kind: DaemonSet}, fieldPaths: [metadata.annotations.r], options: {create: true}}]}]")
	return text
}

func (m *maker) generators(folder, kind string) (all []string) {
	before := len(m.listed)
	for range m.IntN(3) {
		name, behavior := m.fresh(), ""
		if own := m.listed[before:]; len(own) > 0 && m.chance(40) {
			name, behavior = own[0].name, ", behavior: "+m.one("merge", "replace")
		} else if !m.tame && m.chance(15) {
			name, behavior = m.mentioned(), ", behavior: "+m.one("merge", "replace")
		}
		g := fmt.Sprintf("{name: %s, literals: [a=%d]%s", name, m.IntN(1000), behavior)
		if m.chance(30) {
			file := fmt.Sprintf("data%d.conf", m.IntN(3))
			m.write(path.Join(folder, file), "text of "+name+"\n")
			g += ", files: [" + m.one("", "key=") + file + "]"
		}
		if m.chance(20) {
			g += ", options: {disableNameSuffixHash: true, annotations: {o: p}}"
		}
		m.listed = append(m.listed, listed{kind, name, ""})
		all = append(all, g+"}")
	}
	return all
}

func (m *maker) patches(folder string, below []listed) (all []string) {
	for i := range m.IntN(4) {
		to := listed{"DaemonSet", m.mentioned(), ""}
		if len(below) > 0 && (m.tame || m.chance(90)) {
			to = below[m.IntN(len(below))]
		} else if m.tame {
			return nil
		}
		kind, name := to.kind, to.name
		merge := fmt.Sprintf("{apiVersion: %s, kind: %s, metadata: {name: %s, namespace: %q, annotations: {patched: %q}, "+
			"labels: {p: %s}}", versions[kind], kind, name, to.namespace, fmt.Sprint(i), m.mentioned())
		if kind == "DaemonSet" && m.chance(50) {
			merge += ", spec: {template: {spec: {serviceAccountName: " + m.mentioned() + "}}}"
		}
		switch merge += "}"; m.IntN(4) {
		case 0:
			all = append(all, "patch: '"+merge+"'")
		case 1:
			file := fmt.Sprintf("patch%d.yaml", i)
			m.write(path.Join(folder, file), merge+"\n")
			all = append(all, "path: "+file)
		case 2:
			all = append(all, "{patch: '"+merge+"', target: {kind: "+m.one(kind, ".*Set", "DaemonSet")+", name: '"+
				m.one(name, ".*a.*", "none")+"'}}")
		default:
			at := "/metadata/labels"
			if !m.tame {
				at = m.one(at, "/metadata/annotations", "/spec", "/metadata")
			}
			all = append(all, "{patch: '[{\"op\": \"add\", \"path\": \""+at+"/j\", \"value\": \""+m.mentioned()+"\"}]', target: {kind: "+kind+", name: '"+m.one(name, ".*")+"'}}")
		}
	}
	return all
}

// versions are those of the kinds in random trees.
var versions = map[string]string{"ConfigMap": "v1", "Secret": "v1", "ServiceAccount": "v1", "Service": "v1",
	"Namespace": "v1", "DaemonSet": "apps/v1", "Deployment": "apps/v1", "StatefulSet": "apps/v1",
	"Role": "rbac.authorization.k8s.io/v1", "ClusterRole": "rbac.authorization.k8s.io/v1",
	"RoleBinding": "rbac.authorization.k8s.io/v1", "ClusterRoleBinding": "rbac.authorization.k8s.io/v1",
	"HorizontalPodAutoscaler": "autoscaling/v2", "Ingress": "networking.k8s.io/v1",
	"PriorityClass": "scheduling.k8s.io/v1", "Gadget": "example.com/v1"}

func (m *maker) objects() (text string) {
	for i := range m.IntN(3) + 1 {
		if i > 0 {
			text += "---\n"
		}
		text += m.object()
	}
	return text
}

func (m *maker) object() string {
	kind := m.one("ConfigMap", "Secret", "ServiceAccount", "Service", "Namespace", "DaemonSet", "DaemonSet", "Deployment",
		"StatefulSet", "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding", "HorizontalPodAutoscaler", "Ingress",
		"PriorityClass", "Gadget")
	o := listed{kind, m.fresh(), m.one("", "", "", "n1", "n2", "default")}
	m.listed = append(m.listed, o)
	text := fmt.Sprintf("apiVersion: %s\nkind: %s\nmetadata:\n  name: %s\n  labels: {own: %[3]s}\n",
		versions[kind], kind, o.name)
	if o.namespace != "" {
		text += "  namespace: " + o.namespace + "\n"
	}
	if m.chance(20) {
		text += "  annotations: " + m.one("{a: b}", "{nginx.ingress.kubernetes.io/fastcgi-params-configmap: "+
			m.mentioned()+"}") + "\n"
	} else if !m.tame && m.chance(10) {
		text += "  annotations: " + m.one("{}", "{a: null}", "{config.kubernetes.io/local-config: \"true\"}") + "\n"
	}
	return text + m.body(kind)
}

func (m *maker) body(kind string) string {
	switch kind {
	case "ConfigMap", "Secret":
		return "data: {k: " + m.mentioned() + "}\n"
	case "DaemonSet", "Deployment", "StatefulSet":
		return fmt.Sprintf("spec:\n  selector: {matchLabels: {app: %[1]s}}\n  template:\n    metadata: {labels: {app: "+
			"%[1]s}}\n    spec:\n      serviceAccountName: %s\n      priorityClassName: %s\n      containers:\n      - "+
			"{name: %s, image: %s, envFrom: [{configMapRef: {name: %s}}, {secretRef: {name: %s}}]}\n      volumes:\n"+
			"      - {name: v, configMap: {name: %s}}\n", m.name(), m.mentioned(), m.mentioned(), m.name(),
			m.one("web", "agent:v1", "other"), m.mentioned(), m.mentioned(), m.mentioned())
	case "RoleBinding", "ClusterRoleBinding":
		return fmt.Sprintf("roleRef: {apiGroup: rbac.authorization.k8s.io, kind: %s, name: %s}\nsubjects:\n- {kind: "+
			"ServiceAccount, name: %s, namespace: %s}\n", m.one("Role", "ClusterRole"), m.mentioned(), m.mentioned(),
			m.one("n1", "n2", "n3", "default"))
	case "Role", "ClusterRole":
		return "rules:\n- {apiGroups: [\"\"], resources: [configmaps], resourceNames: [" + m.mentioned() + ", " +
			m.mentioned() + "], verbs: [get]}\n"
	case "HorizontalPodAutoscaler":
		return "spec: {scaleTargetRef: {kind: " + m.one("Deployment", "StatefulSet") + ", name: " + m.mentioned() + "}}\n"
	case "Ingress":
		return "spec: {defaultBackend: {service: {name: " + m.mentioned() + "}}}\n"
	case "Service":
		return "spec: {selector: {app: " + m.name() + "}}\n"
	}
	return "value: 1\n"
}
