package html

import "html/template"

// functions are those of the templates.
var functions = template.FuncMap{
	"stamp": stamp,
}
