package fetch

import (
	"encoding/json"
	"slices"
	"testing"

	"downpour/engine"
)

// TestCurlReplies feeds the answers of curl's test suite for plain GETs. What
// browsers accept is accepted; these are what they and curl do not, or not for
// what it is.
func TestCurlReplies(t *testing.T) {
	refused := map[string]struct {
		kind engine.FailureKind
		why  string
	}{
		"curl/test36":   {engine.FailProtocol, "a chunk without a size: ERR_INVALID_CHUNKED_ENCODING, curl 56"},
		"curl/test66":   {engine.FailProtocol, "HTTP/0.9: curl and Firefox refuse it, Chrome takes it from port 80 alone"},
		"curl/test207":  {engine.FailReset, "ends within a chunk: browsers show what came and call it failed, as we do"},
		"curl/test306":  {engine.FailProtocol, "HTTP/0.9, as test66"},
		"curl/test221":  {engine.FailEncoding, "is not gzip: ERR_CONTENT_DECODING_FAILED, curl 61"},
		"curl/test223":  {engine.FailEncoding, "is not deflate, as test221"},
		"curl/test315":  {engine.FailEncoding, "is not br, as test221"},
		"curl/test376":  {engine.FailReset, "shorter than its Content-Length: ERR_CONTENT_LENGTH_MISMATCH, curl 18"},
		"curl/test497":  {engine.FailTooLarge, "headers above 256 KiB, which is where Chrome ends too"},
		"curl/test498":  {engine.FailTooLarge, "headers above 256 KiB, which is where Chrome ends too"},
		"curl/test771":  {engine.FailProtocol, "two lengths that differ: ERR_RESPONSE_HEADERS_MULTIPLE_CONTENT_LENGTH"},
		"curl/test1164": {engine.FailProtocol, "HTTP/0.9, as test66"},
		"curl/test1416": {engine.FailProtocol, "a chunk larger than 64 bits can say: ERR_INVALID_CHUNKED_ENCODING, curl 56"},
		"curl/test1430": {engine.FailProtocol, "a negative status: curl refuses it, Chrome would call an error a success"},
		"curl/test1431": {engine.FailProtocol, "a status of one digit, of which nobody can say what class it is; curl refuses it"},
		"curl/test1495": {engine.FailProtocol, "says chunks and sends none: ERR_INVALID_CHUNKED_ENCODING"},
		"curl/test1496": {engine.FailProtocol, "says gzip and chunks, and sends neither: ERR_INVALID_CHUNKED_ENCODING"},
		"curl/test1909": {engine.FailReset, "shorter than its Content-Length, as test376"},
		"curl/test2093": {engine.FailTooLarge, "says it has 2^63-1 octets, which max_body forbids before the first"},
		"curl/test3223": {engine.FailReset, "shorter than its Content-Length, as test376"},
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
