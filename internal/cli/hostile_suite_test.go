package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// A hostile is a case of hostile.json.
type hostile struct{ ID, Category, Name, Setup, Input string }

// hostileCase is a case by its id; the test is skipped where the vectors are
// absent.
func hostileCase(t *testing.T, id string) hostile {
	t.Helper()
	dir := os.Getenv("DOWNPOUR_SUITES")
	if dir == "" {
		dir = filepath.Join(home, "..", "..", "..", "shared", "suites")
	}
	data, err := os.ReadFile(filepath.Join(dir, "hostile.json"))
	if err != nil {
		t.Skipf("no test vectors: %v (set DOWNPOUR_SUITES)", err)
	}
	var all []hostile
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		if c.ID == id {
			return c
		}
	}
	t.Fatalf("hostile.json has no case %s", id)
	return hostile{}
}

// home is this package's folder: tests go elsewhere.
var home, _ = os.Getwd()
