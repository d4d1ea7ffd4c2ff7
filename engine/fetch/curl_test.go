package fetch

import (
	"encoding/json"
	"slices"
	"testing"

	"downpour/engine"
)

// TestCurlReplies feeds the answers of curl's test suite for plain GETs. All
// are accepted, as by a browser, but these.
func TestCurlReplies(t *testing.T) {
	refused := map[string]struct {
		kind engine.FailureKind
		why  string
	}{
		"curl/test36":   {engine.FailProtocol, "a chunk without a size"},
		"curl/test66":   {engine.FailProtocol, "HTTP/0.9, which browsers have given up"},
		"curl/test207":  {engine.FailReset, "ends within a chunk"},
		"curl/test306":  {engine.FailProtocol, "HTTP/0.9"},
		"curl/test221":  {engine.FailEncoding, "is not gzip"},
		"curl/test223":  {engine.FailEncoding, "is not deflate"},
		"curl/test315":  {engine.FailEncoding, "is not br"},
		"curl/test319":  {engine.FailProtocol, "a transfer coding nobody knows"},
		"curl/test376":  {engine.FailReset, "shorter than its Content-Length"},
		"curl/test415":  {engine.FailProtocol, "a carriage return within a header"},
		"curl/test497":  {engine.FailTooLarge, "headers above 256 KiB"},
		"curl/test498":  {engine.FailTooLarge, "headers above 256 KiB"},
		"curl/test771":  {engine.FailProtocol, "two lengths that differ"},
		"curl/test1164": {engine.FailProtocol, "HTTP/0.9"},
		"curl/test1416": {engine.FailProtocol, "a chunk larger than 64 bits can say"},
		"curl/test1430": {engine.FailProtocol, "a negative status"},
		"curl/test1431": {engine.FailProtocol, "a status of one digit"},
		"curl/test1433": {engine.FailProtocol, "no version"},
		"curl/test1495": {engine.FailProtocol, "chunked is not the last transfer coding"},
		"curl/test1496": {engine.FailProtocol, "says gzip and chunks, and sends neither"},
		"curl/test1722": {engine.FailProtocol, "chunked is not the last transfer coding"},
		"curl/test1723": {engine.FailProtocol, "chunked is not the last transfer coding"},
		"curl/test1909": {engine.FailReset, "shorter than its Content-Length"},
		"curl/test2093": {engine.FailTooLarge, "says it has 2^63-1 octets"},
		"curl/test2105": {engine.FailProtocol, "a carriage return within a header"},
		"curl/test3223": {engine.FailReset, "shorter than its Content-Length"},
	}
	var rows []struct {
		ID, Name string
		Keywords []string
		Reply    map[string]json.RawMessage
	}
	loadSuite(t, "curl-curl_http.json", &rows)
	seen := 0
	f := newFetcher(t, Config{})
	for _, row := range rows {
		var reply struct {
			Text string
			B64  []byte
		}
		if json.Unmarshal(row.Reply["data"], &reply) != nil || !slices.Contains(row.Keywords, "HTTP GET") || slices.Contains(row.Keywords, "WebSockets") {
			continue
		}
		if reply.B64 != nil {
			reply.Text = string(reply.B64)
		}
		if reply.Text == "" {
			continue
		}
		seen++
		t.Run(row.ID, func(t *testing.T) {
			_, err := get(t, f, rawServer(t, say(reply.Text)))
			want := refused[row.ID]
			delete(refused, row.ID)
			if kindOf(err) != want.kind {
				t.Errorf("%s: error %v, want kind %q (%s)\n%.300q", row.Name, err, want.kind, want.why, reply.Text)
			}
		})
	}
	for id, want := range refused {
		t.Errorf("%s is in the table (%s) and not in the suite", id, want.why)
	}
	t.Logf("%d answers", seen)
}
