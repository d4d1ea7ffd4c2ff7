package luabridge

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"downpour/internal/option"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"
)

// Examine finds in the loaded scripts, without running anything, what would be
// an error once it ran: globals that nobody defines, fields and methods that
// the request of a hook does not have, keys that crawl{} does not know, hooks
// that are none.
func (h *Host) Examine() []*ScriptError {
	h.mu.Lock()
	defer h.mu.Unlock()
	var found []*ScriptError
	seen := map[string]bool{}
	for _, u := range h.units {
		text, ok := h.faults.sources[u.name]
		if !ok || seen[u.name] {
			continue
		}
		seen[u.name] = true
		chunk, err := parse.Parse(bytes.NewReader(text), u.name)
		if err != nil {
			continue // it was loaded: cannot happen
		}
		x := &examiner{h: h, unit: u, defined: map[string]bool{}}
		x.block(chunk, nil)
		x.report()
		found = append(found, x.found...)
	}
	return found
}

// An examiner walks the tree of one script.
type examiner struct {
	h       *Host
	unit    *unit
	defined map[string]bool // globals assigned anywhere in the script
	reads   []*ast.IdentExpr
	found   []*ScriptError
}

// A binding is a local variable and the scope that it ends.
type binding struct {
	name  string
	is    thing
	outer *binding
}

// A thing is what is known of a value without running anything.
type thing int

const (
	anything  thing = iota
	aRequest        // a hook's
	anElement       // of a page
)

func (b *binding) find(name string) *binding {
	for ; b != nil; b = b.outer {
		if b.name == name {
			return b
		}
	}
	return nil
}

func bind(scope *binding, names ...string) *binding {
	for _, n := range names {
		scope = &binding{name: n, outer: scope}
	}
	return scope
}

func (x *examiner) add(line int, word, message string) {
	e := &ScriptError{File: x.unit.name, Line: line, Message: message}
	x.h.point(e, word)
	x.found = append(x.found, e)
}

// report finds the globals that were read and are defined nowhere. A script
// that changes environments is left alone.
func (x *examiner) report() {
	for _, id := range x.reads {
		if id.Value == "setfenv" {
			return
		}
	}
	known := keys(x.unit.env)
	for name := range x.defined {
		known = append(known, name)
	}
	for _, id := range x.reads {
		if slices.Contains(known, id.Value) || slices.Contains(hookNames, id.Value) {
			continue
		}
		x.add(id.Line(), id.Value, undefinedGlobal(id.Value, x.unit.env))
	}
	slices.SortStableFunc(x.found, func(a, b *ScriptError) int { return a.Line - b.Line })
}

// block walks statements; what they declare ends with them.
func (x *examiner) block(stmts []ast.Stmt, scope *binding) *binding {
	for _, s := range stmts {
		scope = x.stmt(s, scope)
	}
	return scope
}

// stmt walks one statement and answers the scope after it.
func (x *examiner) stmt(s ast.Stmt, scope *binding) *binding {
	switch s := s.(type) {
	case *ast.LocalAssignStmt:
		if len(s.Names) == 1 && len(s.Exprs) == 1 {
			if _, ok := s.Exprs[0].(*ast.FunctionExpr); ok { // it may call itself
				scope = bind(scope, s.Names[0])
			}
		}
		x.exprs(s.Exprs, scope)
		inner := bind(scope, s.Names...)
		if len(s.Names) == 1 && len(s.Exprs) == 1 {
			inner.is = what(s.Exprs[0], scope)
		}
		return inner
	case *ast.AssignStmt:
		x.assign(s, scope)
	case *ast.FuncDefStmt:
		x.define(s, scope)
	case *ast.FuncCallStmt:
		x.expr(s.Expr, scope)
	case *ast.ReturnStmt:
		x.exprs(s.Exprs, scope)
	case *ast.DoBlockStmt:
		x.block(s.Stmts, scope)
	case *ast.WhileStmt:
		x.expr(s.Condition, scope)
		x.block(s.Stmts, scope)
	case *ast.RepeatStmt:
		x.expr(s.Condition, x.block(s.Stmts, scope))
	case *ast.IfStmt:
		x.expr(s.Condition, scope)
		x.block(s.Then, scope)
		x.block(s.Else, scope)
	case *ast.NumberForStmt:
		x.exprs([]ast.Expr{s.Init, s.Limit, s.Step}, scope)
		x.block(s.Stmts, bind(scope, s.Name))
	case *ast.GenericForStmt:
		x.exprs(s.Exprs, scope)
		x.block(s.Stmts, bind(scope, s.Names...))
	}
	return scope
}

func (x *examiner) assign(s *ast.AssignStmt, scope *binding) {
	for i, l := range s.Lhs {
		id, ok := l.(*ast.IdentExpr)
		if !ok {
			x.expr(l, scope)
			continue
		}
		if b := scope.find(id.Value); b != nil {
			b.is = anything // it is something else from here on
			continue
		}
		x.global(id)
		if f, ok := at(s.Rhs, i).(*ast.FunctionExpr); ok {
			x.function(f, scope, requestAt(id.Value))
			s.Rhs[i] = &ast.NilExpr{}
		}
	}
	x.exprs(s.Rhs, scope)
}

// at is the ith expression, nil if there are fewer.
func at(list []ast.Expr, i int) ast.Expr {
	if i < len(list) {
		return list[i]
	}
	return nil
}

// global notes a global that the script defines.
func (x *examiner) global(id *ast.IdentExpr) {
	x.defined[id.Value] = true
	if strings.HasPrefix(id.Value, "on_") && !slices.Contains(hookNames, id.Value) {
		x.add(id.Line(), id.Value, checkHook(id.Value, lua.LNil))
	}
}

// requestAt is which parameter of a hook is the request, from 0; -1 for none.
func requestAt(hook string) int {
	for _, d := range hookDocs {
		if s, _ := parseCall(d.call); s.name == hook {
			return slices.Index(s.params, "req")
		}
	}
	return -1
}

// define walks function NAME, function A.NAME and function A:NAME.
func (x *examiner) define(s *ast.FuncDefStmt, scope *binding) {
	if s.Name.Method != "" {
		x.expr(s.Name.Receiver, scope)
		n := requestAt(s.Name.Method)
		inner := &binding{name: "self", outer: scope}
		if n == 0 {
			inner.is = aRequest
		}
		x.function(s.Func, inner, n-1)
		return
	}
	n := -1
	switch target := s.Name.Func.(type) {
	case *ast.IdentExpr:
		if scope.find(target.Value) == nil {
			x.global(target)
			n = requestAt(target.Value)
		}
	case *ast.AttrGetExpr:
		x.expr(target.Object, scope)
		if key, ok := target.Key.(*ast.StringExpr); ok {
			n = requestAt(key.Value)
		}
	}
	x.function(s.Func, scope, n)
}

// function walks a function whose nth parameter is a request.
func (x *examiner) function(f *ast.FunctionExpr, scope *binding, n int) {
	for i, name := range f.ParList.Names {
		scope = bind(scope, name)
		if i == n {
			scope.is = aRequest
		}
	}
	x.block(f.Stmts, scope)
}

func (x *examiner) exprs(list []ast.Expr, scope *binding) {
	for _, e := range list {
		x.expr(e, scope)
	}
}

func (x *examiner) expr(e ast.Expr, scope *binding) {
	switch e := e.(type) {
	case *ast.IdentExpr:
		if scope.find(e.Value) == nil {
			x.reads = append(x.reads, e)
		}
	case *ast.AttrGetExpr:
		x.exprs([]ast.Expr{e.Object, e.Key}, scope)
		if key, ok := e.Key.(*ast.StringExpr); ok {
			x.field(max(key.Line(), e.Object.Line()), e.Object, key.Value, scope)
		}
	case *ast.TableExpr:
		x.table(e, scope)
	case *ast.FuncCallExpr:
		x.call(e, scope)
	case *ast.FunctionExpr:
		x.function(e, scope, -1)
	case *ast.LogicalOpExpr:
		x.exprs([]ast.Expr{e.Lhs, e.Rhs}, scope)
	case *ast.RelationalOpExpr:
		x.exprs([]ast.Expr{e.Lhs, e.Rhs}, scope)
	case *ast.StringConcatOpExpr:
		x.exprs([]ast.Expr{e.Lhs, e.Rhs}, scope)
	case *ast.ArithmeticOpExpr:
		x.exprs([]ast.Expr{e.Lhs, e.Rhs}, scope)
	case *ast.UnaryMinusOpExpr:
		x.expr(e.Expr, scope)
	case *ast.UnaryNotOpExpr:
		x.expr(e.Expr, scope)
	case *ast.UnaryLenOpExpr:
		x.expr(e.Expr, scope)
	}
}

// table walks a table; a field with a hook's name has a request.
func (x *examiner) table(t *ast.TableExpr, scope *binding) {
	for _, f := range t.Fields {
		key, named := f.Key.(*ast.StringExpr)
		if fn, ok := f.Value.(*ast.FunctionExpr); ok && named {
			x.function(fn, scope, requestAt(key.Value))
			continue
		}
		x.exprs([]ast.Expr{f.Key, f.Value}, scope)
	}
}

func (x *examiner) call(c *ast.FuncCallExpr, scope *binding) {
	if c.Method != "" {
		x.expr(c.Receiver, scope)
		x.field(c.Receiver.Line(), c.Receiver, c.Method, scope)
	} else {
		x.expr(c.Func, scope)
	}
	if id, ok := c.Func.(*ast.IdentExpr); ok && id.Value == "crawl" && scope.find("crawl") == nil {
		x.settings(c.Args)
	}
	x.exprs(c.Args, scope)
}

// settings finds keys that crawl{} does not know.
func (x *examiner) settings(args []ast.Expr) {
	t, ok := at(args, 0).(*ast.TableExpr)
	if !ok {
		return
	}
	for _, f := range t.Fields {
		key, ok := f.Key.(*ast.StringExpr)
		if !ok {
			continue
		}
		if _, known := option.Lookup(key.Value); known {
			continue
		}
		if _, err := option.Check(key.Value, nil); err != nil {
			x.add(max(key.Line(), t.Line()), key.Value, fmt.Sprint(err))
		}
	}
}

// elementSteps are the methods of an element that answer another, or nil.
var elementSteps = []string{"find", "parent", "next", "prev"}

// what is what an expression gives.
func what(e ast.Expr, scope *binding) thing {
	switch e := e.(type) {
	case *ast.IdentExpr:
		if b := scope.find(e.Value); b != nil {
			return b.is
		}
	case *ast.AttrGetExpr:
		if key, ok := e.Key.(*ast.StringExpr); ok && key.Value == "doc" && what(e.Object, scope) == aRequest {
			return anElement
		}
	case *ast.FuncCallExpr:
		if slices.Contains(elementSteps, e.Method) && what(e.Receiver, scope) == anElement {
			return anElement
		}
	}
	return anything
}

// field checks a field or method of what an expression gives.
func (x *examiner) field(line int, of ast.Expr, name string, scope *binding) {
	t := x.h.types
	switch what(of, scope) {
	case aRequest:
		if !slices.Contains(requestFields, name) && t.requestMethods[name] == nil {
			x.add(line, name, unknown("request", name, requestFields, t.requestMethods.names()))
		}
	case anElement:
		if !slices.Contains(nodeFields, name) && t.nodeMethods[name] == nil {
			x.add(line, name, unknown("element", name, nodeFields, t.nodeMethods.names()))
		}
	default:
		id, ok := of.(*ast.IdentExpr)
		if !ok || id.Value != "args" || scope.find("args") != nil {
			return
		}
		if message := x.h.undeclared(name); message != "" {
			x.add(line, name, message)
		}
	}
}
