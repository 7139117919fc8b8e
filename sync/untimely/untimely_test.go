package untimely

import (
	"reflect"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

var noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// fill gives every time of a value, and one element of every list, the same time, and calls seen with where each is.
func fill(v reflect.Value, at time.Time, path string, seen func(path string, t *time.Time)) {
	switch t := v.Addr().Interface().(type) {
	case *metav1.MicroTime:
		t.Time = at
		seen(path, &t.Time)
		return
	case *metav1.Time:
		t.Time = at
		seen(path, &t.Time)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), at, path, seen)
	case reflect.Slice:
		if v.Type().Elem().Kind() != reflect.Uint8 {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			fill(v.Index(0), at, path, seen)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i), at, path+"."+v.Type().Field(i).Name, seen)
			}
		}
	}
}

// legal are the times of a status that may lie ahead, are worked out anew, or are somebody else's word.
var legal = []string{".Conditions.LastTransitionTime", ".NextWindow", ".Schedule.Last", ".Schedule.Next",
	".GateStatus.Overridden.At", ".GateStatus.History.Override.At", ".GateStatus.InFlight.Override.At", ".GateStatus.InFlight.Stage.Until"}

// No time that a status remembers holds anything up until it has come: none is forgotten that a field was added for.
func TestNoTimeOfAStatusLiesAhead(t *testing.T) {
	s := &api.Sync{}
	times := 0
	fill(reflect.ValueOf(&s.Status).Elem(), noon.Add(time.Hour), "", func(string, *time.Time) { times++ })
	before := s.Status
	if !Correct(s, noon) {
		t.Fatal("there is none")
	}
	again := s.Status
	checked := 0
	visit(reflect.ValueOf(&again).Elem(), "", func(path string, at time.Time) {
		if checked++; !slices.Contains(legal, path) && !at.Equal(noon) {
			t.Errorf("%s is at %s, which has not come", path, at)
		}
	})
	if times < 20 || checked != times {
		t.Errorf("%d times, %d of them checked", times, checked)
	}
	if !before.InFlight.Since.Equal(&metav1.MicroTime{Time: noon.Add(time.Hour)}) {
		t.Error("what the status shares with others has changed")
	}
	if Correct(s, noon) {
		t.Error("it is corrected for ever")
	}
}

// What clocks may be apart stays, and a pause that is still going on.
func TestWhatMayLieAheadStays(t *testing.T) {
	s := &api.Sync{}
	soon, later := metav1.NewMicroTime(noon.Add(2*time.Second)), metav1.NewMicroTime(noon.Add(15*time.Minute))
	s.Status.InFlight = &api.Flight{Since: soon, RetryAt: &later}
	s.Status.Drift = &api.DriftStatus{Since: soon, Pauses: []api.DriftPause{{Since: soon, RetryAt: later}}}
	if Correct(s, noon) {
		t.Errorf("%+v", s.Status)
	}
}

// visit shows every time of a value.
func visit(v reflect.Value, path string, seen func(path string, at time.Time)) {
	switch t := v.Interface().(type) {
	case metav1.MicroTime:
		seen(path, t.Time)
		return
	case metav1.Time:
		seen(path, t.Time)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		visit(v.Elem(), path, seen)
	case reflect.Slice:
		for i := range v.Len() {
			if v.Type().Elem().Kind() != reflect.Uint8 {
				visit(v.Index(i), path, seen)
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				visit(v.Field(i), path+"."+v.Type().Field(i).Name, seen)
			}
		}
	}
}
