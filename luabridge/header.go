package luabridge

// A Header is what the comment at the top of a script says about it.
type Header struct {
	Summary string   // its first line
	Prose   string   // the paragraphs after it
	Usage   []string // each @usage
	Args    []Arg    // each @arg, in order
	Author  string
	License string
}

// An Arg is one argument a script declares.
type Arg struct {
	Name     string
	Text     string // what it is, without the mark of its default
	Default  string // its value when none is given; "" for none
	Required bool
}

// ReadHeader reads the --- comment at the top of a script, without running it.
func ReadHeader(src []byte) Header { return Header{} }
