package main

import (
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// startWebhook has the API server ask a handler about everything of a resource of the core that is to be created or
// changed in a namespace.
func startWebhook(t *testing.T, kube kubernetes.Interface, namespace, resource string, h http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewTLSServer(h)
	t.Cleanup(server.Close)
	where := server.URL + "/"
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	_, err := kube.AdmissionregistrationV1().ValidatingWebhookConfigurations().Create(t.Context(),
		&admissionregistrationv1.ValidatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: namespace},
			Webhooks: []admissionregistrationv1.ValidatingWebhook{{
				Name: "policy.example.com", AdmissionReviewVersions: []string{"v1"}, TimeoutSeconds: new(int32(10)),
				SideEffects:       new(admissionregistrationv1.SideEffectClassNone),
				ClientConfig:      admissionregistrationv1.WebhookClientConfig{URL: &where, CABundle: authority},
				NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: namespace}},
				Rules: []admissionregistrationv1.RuleWithOperations{{
					Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create, admissionregistrationv1.Update},
					Rule: admissionregistrationv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"},
						Resources: []string{resource}}}}}}}, metav1.CreateOptions{})
	check(t, err)
	return server
}

// reviewOf reads what the API server asks; nil, with an answer, if that is nothing.
func reviewOf(rw http.ResponseWriter, r *http.Request) *admissionv1.AdmissionReview {
	review := &admissionv1.AdmissionReview{}
	if err := json.NewDecoder(r.Body).Decode(review); err != nil || review.Request == nil {
		http.Error(rw, "no review", http.StatusBadRequest)
		return nil
	}
	return review
}

// answerReview allows something, or says what is against it.
func answerReview(rw http.ResponseWriter, review *admissionv1.AdmissionReview, against string) {
	review.Response = &admissionv1.AdmissionResponse{UID: review.Request.UID, Allowed: against == ""}
	if against != "" {
		review.Response.Result = &metav1.Status{Message: against}
	}
	review.Request = nil
	_ = json.NewEncoder(rw).Encode(review)
}
