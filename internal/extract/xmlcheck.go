package extract

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// xmlEntity finds the names that a document type declares as entities.
var xmlEntity = regexp.MustCompile(`<!ENTITY\s+([^\s%]\S*)\s`)

// CheckXML reports why an XML document is not well-formed (XML 1.0 §2.1), with
// the line; nil if it is. Entities that the document declares are known, and
// expanded to nothing.
func CheckXML(text string) error {
	d := xml.NewDecoder(strings.NewReader(strings.TrimPrefix(text, "\uFEFF")))
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil } // it is text already
	d.Entity = map[string]string{}
	var open []string // names of the elements that are
	roots := 0
	for {
		token, err := d.Token()
		line, _ := d.InputPos()
		switch {
		case errors.Is(err, io.EOF) && roots == 0:
			return fmt.Errorf("line %d: no element in it", line)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return xmlError(err, line, open)
		}
		switch t := token.(type) {
		case xml.StartElement:
			if len(open) == 0 {
				if roots++; roots > 1 {
					return fmt.Errorf("line %d: a second element <%s> beside the first", line, t.Name.Local)
				}
			}
			if name := twice(t.Attr); name != "" {
				return fmt.Errorf("line %d: <%s> has the attribute %s twice", line, t.Name.Local, name)
			}
			open = append(open, t.Name.Local)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) == 0 && strings.TrimSpace(string(t)) != "" {
				return fmt.Errorf("line %d: text outside of the element", line)
			}
		case xml.Directive:
			for _, m := range xmlEntity.FindAllStringSubmatch(string(t), -1) {
				d.Entity[m[1]] = ""
			}
		}
	}
}

// xmlError words an error of the decoder.
func xmlError(err error, line int, open []string) error {
	message := strings.TrimPrefix(err.Error(), "xml: ")
	if syntax, ok := errors.AsType[*xml.SyntaxError](err); ok {
		message, line = syntax.Msg, syntax.Line
	}
	if message == "unexpected EOF" && len(open) > 0 {
		message = fmt.Sprintf("it ends where <%s> is still open", open[len(open)-1])
	}
	return fmt.Errorf("line %d: %s", line, message)
}

// twice is the first attribute that is there twice, "" for none.
func twice(attrs []xml.Attr) string {
	for i, a := range attrs {
		for _, b := range attrs[:i] {
			if a.Name == b.Name {
				return a.Name.Local
			}
		}
	}
	return ""
}
