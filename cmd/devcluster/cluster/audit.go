package cluster

import "os"

// AuditLog is the file that the API server writes its audit log to, a line of JSON an event, if it was asked to.
func (f Folder) AuditLog() string { return f.path("logs", "audit.log") }

func (f Folder) auditPolicy() error {
	return os.WriteFile(f.path("audit.yaml"), []byte(auditPolicy), 0o600)
}

// auditPolicy: every write with what was sent and what was answered, Secrets left out. Nobody reads what was only read,
// nor the Leases of nodes and the Events, which are most of what is written.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- level: None
  verbs: [get, list, watch]
- level: None
  namespaces: [kube-node-lease]
- level: None
  resources:
  - {group: "", resources: [events, "serviceaccounts/token", nodes, "nodes/status"]}
  - {group: events.k8s.io, resources: [events]}
  - {group: authentication.k8s.io}
  - {group: authorization.k8s.io}
- level: Metadata
  resources:
  - {group: "", resources: [secrets]}
- level: RequestResponse
`
