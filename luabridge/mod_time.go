package luabridge

import (
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"downpour/policies"
)

func timeModule() module {
	return module{
		name: "time", text: "Dates as pages and headers write them, to seconds since 1970 and back.",
		docs: []doc{
			{call: "parse(s) -> number | nil, message", text: "Seconds since 1970 of a date in ISO 8601, RFC 3339, RFC 1123 or one of the common forms; UTC where it names no zone."},
			{call: "http(s) -> number | nil, message", text: "Seconds since 1970 of a date in an HTTP header."},
			{call: "format(seconds?, layout?) -> string", text: "RFC 3339 in UTC, or \"http\" for headers, \"date\" for the day alone."},
			{call: "now() -> number", text: "Seconds since 1970, with fractions."},
		},
		open: func(h *Host, L *lua.LState) lua.LValue {
			return newModule(L, map[string]lua.LGFunction{
				"parse":  timeParse,
				"http":   timeHTTP,
				"format": timeFormat,
				"now":    func(L *lua.LState) int { return pushAll(L, unixSeconds(time.Now())) },
			})
		},
	}
}

func unixSeconds(t time.Time) lua.LNumber {
	return lua.LNumber(float64(t.Unix()) + float64(t.Nanosecond())/1e9)
}

// layouts are the forms of dates that time.parse knows, the exact ones first.
var layouts = []string{
	time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05Z0700", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 Z0700",
	"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02", "2006-01", "2006",
	"20060102T150405Z0700", "20060102T150405", "20060102150405", "20060102", "2006/01/02 15:04:05", "2006/01/02",
	time.RFC1123Z, time.RFC1123, "Mon, 2 Jan 2006 15:04:05 Z0700", "Mon, 2 Jan 2006 15:04:05 MST", "2 Jan 2006 15:04:05 Z0700",
	"2 Jan 2006 15:04:05 MST", "2 Jan 2006 15:04:05", "2 Jan 2006 15:04", "2 Jan 2006", "2 January 2006", "Jan 2, 2006", "January 2, 2006",
	"January 2, 2006 15:04", "Jan 2, 2006 15:04:05", "Mon, 2 Jan 2006", "Monday, January 2, 2006", "Monday, 2 January 2006",
	time.RFC850, time.ANSIC, time.UnixDate, time.RubyDate, "02.01.2006 15:04:05", "02.01.2006",
}

// zones are the zone names whose offset is certain; Go would take any other
// name to mean UTC.
var zones = map[string]string{
	"UTC": "+0000", "GMT": "+0000", "UT": "+0000", "Z": "+0000", "EST": "-0500", "EDT": "-0400", "CST": "-0600", "CDT": "-0500",
	"MST": "-0700", "MDT": "-0600", "PST": "-0800", "PDT": "-0700", "CET": "+0100", "CEST": "+0200",
}

func timeParse(L *lua.LState) int {
	s := strings.Join(strings.Fields(argString(L, 1)), " ")
	if i := strings.LastIndexByte(s, ' '); i > 0 {
		if offset, ok := zones[s[i+1:]]; ok {
			s = s[:i+1] + offset
		}
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil {
			return pushAll(L, unixSeconds(t))
		}
	}
	if t, ok := policies.ParseDate(s); ok {
		return pushAll(L, unixSeconds(t))
	}
	return pushAll(L, lua.LNil, lua.LString("not a date: "+s))
}

func timeHTTP(L *lua.LState) int {
	s := argString(L, 1)
	t, ok := policies.ParseDate(s)
	if !ok {
		return pushAll(L, lua.LNil, lua.LString("not an HTTP date: "+s))
	}
	return pushAll(L, unixSeconds(t))
}

func timeFormat(L *lua.LState) int {
	t := time.Now()
	if L.Get(1) != lua.LNil {
		f := argNumber(L, 1)
		if f < -62135596800 || f > 253402300799 {
			argError(L, 1, "the year is outside 1 to 9999")
		}
		t = time.UnixMilli(int64(f * 1000))
	}
	layout := time.RFC3339
	switch name := optString(L, 2, "iso"); name {
	case "iso":
	case "http":
		layout = "Mon, 02 Jan 2006 15:04:05 GMT"
	case "date":
		layout = time.DateOnly
	default:
		argError(L, 2, "the layouts are 'iso', 'http' and 'date'")
	}
	return pushAll(L, lua.LString(t.UTC().Format(layout)))
}
