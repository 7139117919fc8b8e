package rollout

import (
	"fmt"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/intstr"
)

// ParseBudget reads a number of nodes such as "3", or a percentage of them such as "10%". Unlike intstr.Parse it tells
// "0" from nothing said.
func ParseBudget(s string) (intstr.IntOrString, error) {
	number, percent := strings.CutSuffix(s, "%")
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 || (percent && n > 100) {
		return intstr.IntOrString{}, fmt.Errorf("%q is neither a number of nodes nor a percentage of them", s)
	}
	return intstr.FromString(s), nil
}

// Portion is how many of a number of nodes a budget allows, rounded down. What cannot be read allows none.
func Portion(budget intstr.IntOrString, of int) int {
	if budget.Type == intstr.Int {
		return max(0, budget.IntValue())
	}
	number, percent := strings.CutSuffix(budget.StrVal, "%")
	n, err := strconv.Atoi(number)
	switch {
	case err != nil || n < 0:
		return 0
	case percent:
		return of * n / 100
	}
	return n
}
