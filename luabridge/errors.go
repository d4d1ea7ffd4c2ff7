package luabridge

// A ScriptError is an error in a script, with what its author needs to find
// it. Error is one line; Detail has the source line and the way to it.
type ScriptError struct {
	File    string   // as it was named, or the name of a shipped script
	Line    int      // 0 where unknown
	Message string   // without file and line
	Source  string   // the text of the line; "" where unknown
	Column  int      // of what is wrong in Source, from 1; 0 where unknown
	Hook    string   // "" for the top level
	URL     string   // of the page; "" for none
	Trace   []string // at most ten frames, innermost first
}

// Error is "file:line: message".
func (e *ScriptError) Error() string { return e.File + ": " + e.Message }

// Detail is Error with the source line, a caret and the traceback below, for
// people; it has several lines and no newline at its end.
func (e *ScriptError) Detail() string { return e.Error() }

// An ErrorCount is one error of a script and how often it happened.
type ErrorCount struct {
	Error *ScriptError // the first of them
	Count int
}
