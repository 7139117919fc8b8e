package schema

import (
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// holds says whether a value keeps a rule in CEL, and whether the rule was understood. What is understood is what most
// rules about a field are made of: && || ! == != < <= > >= in, fields, lists, texts, numbers, has, size, matches,
// contains, startsWith, duration. Macros such as all, and what Kubernetes adds, is not.
func holds(rule string, self any) (kept, understood bool) {
	p := &parser{words: wordOf.FindAllString(rule, -1), self: self}
	if strings.Join(p.words, "") != rule {
		return false, false
	}
	p.words = slices.DeleteFunc(p.words, func(word string) bool { return strings.TrimSpace(word) == "" })
	value := p.or()
	kept, is := value.(bool)
	return kept, is && !p.lost && len(p.words) == 0
}

var wordOf = regexp.MustCompile(`\s+|'(?:[^'\\]|\\.)*'|[A-Za-z_][A-Za-z0-9_]*|[0-9]+|&&|\|\||[=!<>]=|[-+*/%?:.,!<>()\[\]]`)

// parser works out what a rule says while it reads it. A value that cannot be had, such as a field that is not there,
// is absent, which CEL passes over where the other side of && or || decides.
type parser struct {
	words []string
	self  any
	lost  bool // what was read is not understood
}

type absent struct{}

var none = absent{}

func (p *parser) next(words ...string) string {
	if len(p.words) > 0 && slices.Contains(words, p.words[0]) {
		return p.take()
	}
	return ""
}

func (p *parser) take() string {
	if len(p.words) == 0 {
		p.lost = true
		return ""
	}
	word := p.words[0]
	p.words = p.words[1:]
	return word
}

func (p *parser) want(word string) { p.lost = p.lost || p.next(word) == "" }

func (p *parser) or() any { return p.joined("||", true, p.and) }

func (p *parser) and() any { return p.joined("&&", false, p.compared) }

// joined is what is between && or ||, of which one value decides whatever the others are.
func (p *parser) joined(by string, decides bool, part func() any) any {
	value := part()
	for p.next(by) != "" {
		if other := part(); other == decides || value != decides && other == none {
			value = other
		} else if value == !decides {
			value = other
		}
	}
	return value
}

func (p *parser) compared() any {
	left := p.single()
	by := p.next("==", "!=", "<", "<=", ">", ">=", "in")
	if by == "" {
		return left
	}
	right := p.single()
	if left == none || right == none {
		return none
	}
	switch by {
	case "==", "!=":
		return reflect.DeepEqual(left, right) == (by == "==")
	case "in":
		list, is := right.([]any)
		p.lost = p.lost || !is
		return slices.ContainsFunc(list, func(one any) bool { return reflect.DeepEqual(one, left) })
	}
	l, isLeft := amount(left)
	r, isRight := amount(right)
	p.lost = p.lost || !isLeft || !isRight
	return by[0] == '<' && l < r || by[0] == '>' && l > r || len(by) == 2 && l == r
}

func amount(value any) (int64, bool) {
	switch v := value.(type) {
	case int64:
		return v, true
	case time.Duration:
		return int64(v), true
	}
	return 0, false
}

// single is a value with what is taken of it: its fields, and its methods.
func (p *parser) single() any {
	if p.next("!") != "" {
		value := p.single()
		truth, is := value.(bool)
		if !is {
			p.lost = p.lost || value != none
			return none
		}
		return !truth
	}
	value := p.first()
	for p.next(".") != "" {
		name := p.take()
		if p.next("(") == "" {
			value = field(value, name)
			continue
		}
		argument, is := p.or().(string)
		p.lost = p.lost || !is
		p.want(")")
		value = p.method(value, name, argument)
	}
	return value
}

func field(value any, name string) any {
	object, _ := value.(map[string]any)
	if v, has := object[name]; has {
		return v
	}
	return none
}

func (p *parser) method(value any, name, argument string) any {
	text, is := value.(string)
	if value == none || !is {
		p.lost = p.lost || value != none
		return none
	}
	switch name {
	case "matches":
		expression, err := regexp.Compile(argument)
		p.lost = p.lost || err != nil
		return err == nil && expression.MatchString(text)
	case "contains":
		return strings.Contains(text, argument)
	case "startsWith":
		return strings.HasPrefix(text, argument)
	}
	p.lost = true
	return none
}

// first is a value by itself.
func (p *parser) first() any {
	word := p.take()
	switch {
	case p.lost:
	case word == "self":
		return p.self
	case word == "true" || word == "false":
		return word == "true"
	case word == "(":
		value := p.or()
		p.want(")")
		return value
	case word == "[":
		return p.entries()
	case word[0] == '\'':
		return p.unquoted(word)
	case word[0] >= '0' && word[0] <= '9':
		n, err := strconv.ParseInt(word, 10, 64)
		p.lost = err != nil
		return n
	case p.next("(") != "":
		value := p.or()
		p.want(")")
		return p.function(word, value)
	}
	p.lost = true
	return none
}

func (p *parser) entries() any {
	list := []any{}
	for p.next("]") == "" && !p.lost {
		list = append(list, p.or())
		if p.next(",") == "" && (len(p.words) == 0 || p.words[0] != "]") {
			p.lost = true
		}
	}
	return list
}

// unquoted is a text of CEL, whose escapes are those of Go.
func (p *parser) unquoted(word string) any {
	inner := strings.ReplaceAll(strings.ReplaceAll(word[1:len(word)-1], `\'`, `'`), `"`, `\"`)
	text, err := strconv.Unquote(`"` + inner + `"`)
	p.lost = p.lost || err != nil
	return text
}

func (p *parser) function(name string, value any) any {
	text, isText := value.(string)
	switch list, isList := value.([]any); {
	case name == "has":
		return value != none
	case value == none:
		return none
	case name == "size" && isText:
		return int64(utf8.RuneCountInString(text))
	case name == "size" && isList:
		return int64(len(list))
	case name == "duration" && isText:
		length, err := time.ParseDuration(text)
		if err != nil {
			return none
		}
		return length
	}
	p.lost = true
	return none
}
