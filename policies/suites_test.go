package policies

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// suite is the path of a file of the public test vectors. The test is skipped
// where they are not at hand.
func suite(t testing.TB, name string) string {
	t.Helper()
	dir := os.Getenv("DOWNPOUR_SUITES")
	if dir == "" {
		dir = filepath.Join(root(t), "..", "shared", "suites")
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("the public test vectors are not here: %v (set DOWNPOUR_SUITES)", err)
	}
	return path
}

// root is the folder of go.mod.
func root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = up
	}
}

// cases reads a JSON file of the vectors.
func cases[T any](t testing.TB, name string) []T {
	t.Helper()
	b, err := os.ReadFile(suite(t, name))
	if err != nil {
		t.Fatal(err)
	}
	var list []T
	if err := json.Unmarshal(b, &list); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if len(list) == 0 {
		t.Fatalf("%s holds no cases", name)
	}
	return list
}

// lines reads a compressed file of the vectors with a JSON value a line.
func lines[T any](t testing.TB, name string, yield func(T)) {
	t.Helper()
	f, err := os.Open(suite(t, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	scanner := bufio.NewScanner(z)
	scanner.Buffer(nil, 16<<20)
	for scanner.Scan() {
		var v T
		if err := json.Unmarshal(scanner.Bytes(), &v); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		yield(v)
	}
	if err := scanner.Err(); err != nil {
		t.Fatal(err)
	}
}
